//! Parser of an assertion's text.

use std::ops::Range;

use super::{Comparison, MetricRef};
use crate::model::{ByteSize, Money, Rate, Share, Span};

/// A value with its byte range in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    pub value: T,
    pub range: Range<usize>,
}

/// An assertion as written, before its metric is looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedAssertion {
    pub metric: At<MetricRef>,
    pub comparison: At<Comparison>,
    pub value: At<Value>,
    pub over: Option<At<Span>>,
    /// Value and window as written.
    written: (String, Option<String>),
}

/// The right-hand side as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Duration(f64),
    Bytes(f64),
    Share(f64),
    Rate(f64),
    Dollars(f64),
    Bool(bool),
    Word(String),
    TimesSource(f64),
}

/// Reason why a text is no assertion, and the bytes of it that are wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub message: String,
    pub range: Range<usize>,
}

/// Writes canonical spacing: `p95(query) < 100ms over 10m`.
impl std::fmt::Display for ParsedAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (value, over) = &self.written;
        write!(f, "{} {} {value}", self.metric.value, self.comparison.value.symbol())?;
        over.iter().try_for_each(|over| write!(f, " over {over}"))
    }
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Comparison {
    /// Returns the operator as it is written: `<=`.
    pub fn symbol(self) -> &'static str {
        COMPARISONS
            .into_iter()
            .find(|(_, comparison)| *comparison == self)
            .map_or("==", |(symbol, _)| symbol)
    }
}

impl std::str::FromStr for ParsedAssertion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let operator = text.find(['=', '!', '<', '>']).ok_or_else(|| no_operator(text))?;
        let (symbol, comparison) = COMPARISONS
            .into_iter()
            .find(|(symbol, _)| text[operator..].starts_with(symbol))
            .ok_or_else(|| ParseError {
                message: format!("`{}` is not a comparison: use `==`", &text[operator..=operator]),
                range: operator..operator + 1,
            })?;
        let metric = metric(text, 0..operator)?;
        let right = operator + symbol.len();
        let (value_range, over_range) = match over(text, right) {
            Some((end, start)) => (right..end, Some(start..text.len())),
            None => (right..text.len(), None),
        };
        let value_range = trim(text, value_range);
        let value = value(text, value_range.clone())?;
        let over = over_range.map(|range| window(text, trim(text, range))).transpose()?;
        let written = (
            words(&text[value_range.clone()]),
            over.as_ref().map(|over| words(&text[over.range.clone()])),
        );
        Ok(Self {
            metric,
            comparison: At { value: comparison, range: operator..right },
            value: At { value, range: value_range },
            over,
            written,
        })
    }
}

fn no_operator(text: &str) -> ParseError {
    let range = trim(text, 0..text.len());
    let message = match text.trim() {
        "" => "an assertion is missing here: write it like `missing == 0`".into(),
        _ => "an assertion is `metric op value`, with one of `==` `!=` `<` `<=` `>` `>=`".into(),
    };
    ParseError { message, range }
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start().len();
    start..(start + part.trim().len())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Finds where the value ends and the window starts around the word `over`.
fn over(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut search = from;
    while let Some(found) = text[search..].find("over") {
        let (start, end) = (search + found, search + found + 4);
        let before = text[..start].ends_with(char::is_whitespace);
        let after = text[end..].is_empty() || text[end..].starts_with(char::is_whitespace);
        if before && after {
            return Some((start, end));
        }
        search = end;
    }
    None
}

fn metric(text: &str, range: Range<usize>) -> Result<At<MetricRef>, ParseError> {
    let range = trim(text, range);
    let written = &text[range.clone()];
    let error = |message: String| Err(ParseError { message, range: range.clone() });
    if written.is_empty() {
        return error("the metric is missing before the comparison".into());
    }
    let (name, argument) = match (written.split_once('('), written.split_once('@')) {
        (Some((name, rest)), _) => match rest.strip_suffix(')') {
            Some(subject) => (name.trim(), Some(subject.trim())),
            None => return error("the `(` is not closed".into()),
        },
        (None, Some((name, k))) => (name, Some(k)),
        (None, None) => (written, None),
    };
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !name.split('.').all(is_name) {
        return error(format!("`{name}` is not the name of a metric"));
    }
    let is_argument = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if let Some(argument) = argument
        && (argument.is_empty() || !argument.chars().all(is_argument))
    {
        return error(format!("`{argument}` is not the argument of a metric"));
    }
    let value = MetricRef { name: name.into(), argument: argument.map(Into::into) };
    Ok(At { value, range })
}

fn window(text: &str, range: Range<usize>) -> Result<At<Span>, ParseError> {
    match text[range.clone()].parse() {
        Ok(value) => Ok(At { value, range }),
        Err(error) => Err(ParseError { message: error.message, range }),
    }
}

fn value(text: &str, range: Range<usize>) -> Result<Value, ParseError> {
    let written = &text[range.clone()];
    let error = |message: String| ParseError { message, range: range.clone() };
    if written.is_empty() {
        return Err(error("the value is missing after the comparison".into()));
    }
    if let Some(factor) = written.strip_suffix("source").map(str::trim_end) {
        return factor
            .strip_suffix('x')
            .and_then(|factor| factor.trim_end().parse().ok())
            .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
            .map(Value::TimesSource)
            .ok_or_else(|| {
                error("compare with the source by a factor, like `1.2x source`".into())
            });
    }
    quantity(written).map_err(error)
}

fn quantity(text: &str) -> Result<Value, String> {
    let bare = text.replace('_', "");
    let starts = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '+');
    match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ if text.starts_with('$') => {
            text.parse().map(|Money(dollars)| Value::Dollars(dollars)).map_err(|e| e.message)
        }
        _ if !text.starts_with(starts) => word(text),
        _ if let Ok(number) = bare.parse::<f64>() => Ok(Value::Number(number)),
        _ => with_unit(text),
    }
}

fn word(text: &str) -> Result<Value, String> {
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match is_word {
        true => Ok(Value::Word(text.into())),
        false => Err(format!("`{text}` is not a value")),
    }
}

fn with_unit(text: &str) -> Result<Value, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || ".-+_ ".contains(c));
    let message = |error: crate::model::UnitError| error.message;
    match unit {
        "%" => text.parse().map(|Share(share)| Value::Share(share)).map_err(message),
        "/s" | "/m" | "/h" => text.parse().map(|Rate(rate)| Value::Rate(rate)).map_err(message),
        "ms" | "s" | "m" | "h" | "d" => {
            text.parse().map(|span: Span| Value::Duration(span.0.as_secs_f64())).map_err(message)
        }
        _ if unit.ends_with('B') => {
            text.parse().map(|ByteSize(bytes)| Value::Bytes(bytes as f64)).map_err(message)
        }
        _ => Err(format!(
            "unknown unit `{unit}`: use `ms` `s` `m` `h` `d`, `%`, `/s`, `MB`, `MiB` or `$`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ParsedAssertion, ParseError> {
        text.parse()
    }

    #[test]
    fn the_sample_forms_parse() {
        for (text, value) in [
            ("source.dimension == 3072", Value::Number(3072.0)),
            ("source.metric == cosine", Value::Word("cosine".into())),
            ("cost.saving >= 24%", Value::Share(0.24)),
            ("target.ready == true", Value::Bool(true)),
            ("overlap@10 >= 0.99", Value::Number(0.99)),
            ("p95(query) < 100ms", Value::Duration(0.1)),
            ("p95(query) <= 1.2x source", Value::TimesSource(1.2)),
            ("source.metadata_bytes < 40 KB", Value::Bytes(40_000.0)),
            ("copy.rate > 100/s", Value::Rate(100.0)),
            ("cost.copy < $150", Value::Dollars(150.0)),
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed.value.value, value, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn spacing_does_not_matter() {
        let parsed = parse("  p95( query )<=1.2 x  source   over 10m ").unwrap();
        assert_eq!(parsed.to_string(), "p95(query) <= 1.2 x source over 10m");
        assert_eq!(parsed.over.unwrap().value, "10m".parse().unwrap());
    }

    #[test]
    fn mistakes_point_at_their_part() {
        let at = |text: &str| {
            let error = parse(text).unwrap_err();
            text[error.range].to_owned()
        };
        assert_eq!(at("p95(query < 100ms"), "p95(query");
        assert_eq!(at("p95(query) < 100 parsecs"), "100 parsecs");
        assert_eq!(at("error_rate < 1% over 10"), "10");
        assert_eq!(at("p95(query) under 100ms"), "p95(query) under 100ms");
        assert_eq!(at("missing = 0"), "=");
    }
}
