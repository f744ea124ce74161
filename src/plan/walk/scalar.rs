//! Single values: text, quantities, numbers, booleans.

use serde_json::{Value, json};

use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::file::{Compare, LatencyRange};
use super::super::node::{Entry, Node, NodeKind, Word, integer_json, step};
use super::super::spelling::{doubt, lost};
use super::shape::Shape;
use super::{At, Walker};
use crate::model::{ByteSize, Money, Rate, Share, Span, UnitError};

impl Walker<'_> {
    /// Converts a value of any type to JSON; `None` if a spelling in it is reported as an error.
    pub(super) fn free(&mut self, node: &Node, at: &At) -> Option<Value> {
        self.doubts(node, at.pointer.as_str()).then(|| node.to_json())
    }

    fn all_doubts<'n>(&mut self, nodes: impl Iterator<Item = (&'n Node, String)>) -> bool {
        let mut all = true;
        for (node, pointer) in nodes {
            all &= self.doubts(node, &pointer);
        }
        all
    }

    /// Reports the spellings that can mean two things; returns whether none of them is an error.
    pub(super) fn doubts(&mut self, node: &Node, pointer: &str) -> bool {
        let scalar = match &node.kind {
            NodeKind::List(items) => {
                let item = |(index, item)| (item, format!("{pointer}/{index}"));
                return self.all_doubts(items.iter().enumerate().map(item));
            }
            NodeKind::Map(entries) => {
                let entry = |entry: &Entry| format!("{pointer}/{}", step(&entry.key));
                return self.all_doubts(entries.iter().map(|one| (&one.value, entry(one))));
            }
            NodeKind::Scalar(scalar) => scalar,
        };
        let wants_number =
            matches!(pointer.rsplit('/').next(), Some("$gt" | "$gte" | "$lt" | "$lte"));
        let found = if wants_number { lost(scalar) } else { doubt(scalar) };
        let Some(found) = found else { return true };
        let diagnostic = Diagnostic::new(found.code(), node.region, found.message);
        self.found.push(diagnostic.label(found.label));
        !found.is_error
    }

    pub(super) fn scalar(
        &mut self,
        node: &Node,
        schema: &Value,
        shape: &Shape<'_>,
        at: &At,
    ) -> Option<Value> {
        let Some(scalar) = node.scalar() else {
            return self.wrong_type(node, &shape.describe(), at);
        };
        if let (Shape::Integer | Shape::Number, Some(found)) = (shape, lost(scalar)) {
            let diagnostic = Diagnostic::new(found.code(), node.region, found.message);
            return self.report(match found.number {
                Some(number) => diagnostic.label(format!("write `{number}`")),
                None => diagnostic,
            });
        }
        match (shape, scalar.lenient_word()) {
            (Shape::Text(Some(format)), _) if format.starts_with("vecshift-") => {
                self.quantity(node, &scalar.text, format)
            }
            (Shape::Text(_), _) if matches!(scalar.word(), Word::Text(_)) => {
                self.text(node, &scalar.text, schema)
            }
            (Shape::Text(_), _) => {
                let message = format!("expected text, found {}", node.describe());
                self.report(
                    Diagnostic::new(&codes::WRONG_TYPE, node.region, message)
                        .label(format!("in quotes it is text: \"{}\"", scalar.text)),
                )
            }
            (Shape::Integer, Word::Integer(number)) => self.integer(node, number, schema),
            (Shape::Number, Word::Integer(number)) => {
                self.in_range(node, number as f64, schema).then(|| integer_json(number))
            }
            (Shape::Number, Word::Float(number)) => {
                self.in_range(node, number, schema).then(|| json!(number))
            }
            (Shape::Boolean, Word::Bool(value)) => Some(value.into()),
            (shape, _) => {
                let message = format!("expected {}, found {}", shape.describe(), node.describe());
                let diagnostic = Diagnostic::new(&codes::WRONG_TYPE, node.region, message);
                self.report(match label(&scalar.text, shape) {
                    Some(label) => diagnostic.label(label),
                    None => diagnostic,
                })
            }
        }
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Value) -> Option<Value> {
        let least = schema["minLength"].as_u64().unwrap_or(0);
        if (text.chars().count() as u64) < least {
            let message = "this text must not be empty";
            return self.report(Diagnostic::new(&codes::OUT_OF_RANGE, node.region, message));
        }
        Some(text.into())
    }

    fn quantity(&mut self, node: &Node, text: &str, format: &str) -> Option<Value> {
        match parse(text, format) {
            Ok(canonical) => Some(canonical.into()),
            Err(error) => {
                let diagnostic = Diagnostic::new(&codes::BAD_UNIT, node.region, error.message);
                let near = abbreviated(text).filter(|near| parse(near, format).is_ok());
                self.report(diagnostic.suggest(near.as_deref()))
            }
        }
    }

    fn integer(&mut self, node: &Node, number: i128, schema: &Value) -> Option<Value> {
        let format_limits = match schema["format"].as_str() {
            Some("uint32") => (0, i128::from(u32::MAX)),
            Some("uint64" | "uint") => (0, i128::from(u64::MAX)),
            _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        let limit = |key: &str| schema[key].as_i64().map(i128::from);
        let least = limit("minimum").unwrap_or(format_limits.0).max(format_limits.0);
        let most = limit("maximum").unwrap_or(format_limits.1).min(format_limits.1);
        if (least..=most).contains(&number) {
            return Some(integer_json(number));
        }
        let range = match limit("maximum") {
            Some(_) => format!("from {least} to {most}"),
            None if number < least => format!("at least {least}"),
            None => format!("at most {most}"),
        };
        let written = node.scalar().map_or("", |scalar| &scalar.text);
        let message = format!("`{written}` is out of range: it must be {range}");
        self.report(Diagnostic::new(&codes::OUT_OF_RANGE, node.region, message))
    }

    fn in_range(&mut self, node: &Node, number: f64, schema: &Value) -> bool {
        let least = schema["minimum"].as_f64();
        let most = schema["maximum"].as_f64();
        let problem = match (least, most) {
            (Some(least), _) if number < least => format!("at least {least}"),
            (_, Some(most)) if number > most => format!("at most {most}"),
            _ => return true,
        };
        let message = format!("`{number}` is out of range: it must be {problem}");
        self.report(Diagnostic::new(&codes::OUT_OF_RANGE, node.region, message));
        false
    }
}

/// Returns the quantity in its canonical form.
fn parse(text: &str, format: &str) -> Result<String, UnitError> {
    Ok(match format {
        "vecshift-duration" => text.parse::<Span>()?.to_string(),
        "vecshift-size" => text.parse::<ByteSize>()?.to_string(),
        "vecshift-rate" => text.parse::<Rate>()?.to_string(),
        "vecshift-share" => text.parse::<Share>()?.to_string(),
        "vecshift-money" => text.parse::<Money>()?.to_string(),
        "vecshift-compare" => text.parse::<Compare>()?.to_string(),
        "vecshift-latency" => text.parse::<LatencyRange>()?.to_string(),
        _ => text.to_owned(),
    })
}

/// Returns a quantity with its unit as it is written here: `90s` for `90 seconds`.
fn abbreviated(text: &str) -> Option<String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let unit = match unit.to_ascii_lowercase().trim_end_matches('s') {
        "millisecond" | "milli" | "msec" | "m" if unit.len() > 1 => "ms",
        "second" | "sec" => "s",
        "minute" | "min" => "m",
        "hour" | "hr" | "h" => "h",
        "day" | "d" => "d",
        _ => return None,
    };
    Some(format!("{}{unit}", number.trim()))
}

/// Returns what the writer probably meant.
fn label(text: &str, shape: &Shape<'_>) -> Option<String> {
    match (shape, text.to_ascii_lowercase().as_str()) {
        (Shape::Boolean, "yes" | "on") => Some("write `true`".into()),
        (Shape::Boolean, "no" | "off") => Some("write `false`".into()),
        (Shape::Boolean, "true" | "false") => Some("without quotes".into()),
        (Shape::Integer | Shape::Number, text) if text.parse::<f64>().is_ok() => match shape {
            Shape::Integer if text.contains('.') => Some("without a fraction".into()),
            _ => Some("without quotes".into()),
        },
        _ => None,
    }
}
