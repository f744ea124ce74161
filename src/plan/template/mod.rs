//! Templates: `{{ … }}` in scalar values, strict about names that are not there.
//!
//! A value is written into text as JSON writes it, so that the number 7 is `7` and not `7.0`; text is written as it is.
//! A template that is one expression and nothing else yields the expression's value with its type.

mod calls;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use minijinja::value::Serde;
use minijinja::{Environment, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

pub(crate) use calls::{FILTERS, TESTS, Unknown, unknown};

use crate::error::{Error, ErrorKind, Result};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(write);
    environment.add_filter("string", |value: &Value| written(value));
    environment
});

/// Writes a value into the text around it.
fn write(
    out: &mut Output<'_>,
    _: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    out.write_str(&written(value)).map_err(Into::into)
}

/// Returns text as it is, everything else as JSON.
fn written(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_undefined() => String::new(),
        None => json(value).to_string(),
    }
}

fn json(value: &Value) -> serde_json::Value {
    whole(serde_json::to_value(value).unwrap_or_default())
}

/// Returns the same value with whole numbers written without a fraction, as far as every whole number is an f64.
pub(crate) fn whole(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, whole(value))).collect()
        }
        other => other,
    }
}

/// 2^53: up to here every whole number is an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Values of `vars` and `env` when the plan was read, which are known everywhere in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    pub vars: BTreeMap<String, Value>,
    pub env: BTreeMap<String, String>,
}

impl Bindings {
    /// Renders `vars` and `env` as plain JSON, for the digest.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "vars": self.vars, "env": self.env })
    }

    fn context(&self) -> Value {
        minijinja::context! { vars => self.vars.clone(), env => self.env.clone() }
    }
}

/// A text that is evaluated later, when the namespace, record, event or weight in it is known.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    /// The expression, if the template is one and nothing else.
    expression: Option<Range<usize>>,
    /// `vars` and `env`.
    known: Value,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// `Invalid` if the text is not a template.
    pub(crate) fn new(source: &str, bindings: &Bindings) -> Result<Self> {
        if is_template(source) {
            ENVIRONMENT.template_from_str(source).map_err(|error| failed(source, &error))?;
        }
        let expression = expression(source);
        Ok(Self { source: source.into(), expression, known: bindings.context() })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns whether the text is the same in every context.
    pub fn is_constant(&self) -> bool {
        !is_template(&self.source)
    }

    /// Renders the text in a context such as `{"namespace": "twin_001"}`; `vars` and `env` are known besides.
    ///
    /// # Errors
    ///
    /// `Invalid` if a name or an attribute does not exist, or a filter fails.
    pub fn render(&self, context: &impl Serialize) -> Result<String> {
        if self.is_constant() {
            return Ok(self.source.to_string());
        }
        let rendered = ENVIRONMENT.render_str(&self.source, self.context(context));
        rendered.map_err(|error| failed(&self.source, &error))
    }

    /// Returns the value in a context: if the template is a single expression, the expression's value with its type;
    /// else text.
    ///
    /// # Errors
    ///
    /// Those of [`Template::render`].
    pub fn evaluate(&self, context: &impl Serialize) -> Result<serde_json::Value> {
        match &self.expression {
            None => self.render(context).map(serde_json::Value::String),
            Some(range) => {
                let value = evaluate(&self.source[range.clone()], self.context(context));
                value.map_err(|error| failed(&self.source, &error))
            }
        }
    }

    fn context(&self, context: &impl Serialize) -> Value {
        let context = whole(serde_json::to_value(context).unwrap_or_default());
        minijinja::context! {
            ..self.known.clone(),
            ..Value::from(Serde(context))
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", &*self.source)
    }
}

fn failed(source: &str, error: &minijinja::Error) -> Error {
    Error::new(ErrorKind::Invalid, format!("the template `{source}` failed: {}", reason(error)))
}

/// Returns whether a text needs evaluation at all.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Returns minijinja's message without its names of files and lines.
pub(crate) fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Returns the names a template reads, with one attribute each: `namespace`, `vars.region`.
pub(crate) fn names(text: &str) -> Result<Vec<String>, minijinja::Error> {
    let template = ENVIRONMENT.template_from_str(text)?;
    let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
    names.retain(|name| {
        let first = name.split('.').next().unwrap_or_default();
        !GLOBALS.contains(&first)
    });
    names.sort();
    Ok(names)
}

/// minijinja's own functions, except `namespace`, which is the namespace here.
const GLOBALS: [&str; 3] = ["range", "dict", "debug"];

/// Returns the value of a template that knows `vars` and `env` only; text unless it is one expression.
pub(crate) fn value_of(
    text: &str,
    bindings: &Bindings,
) -> Result<serde_json::Value, minijinja::Error> {
    match expression(text) {
        Some(range) => evaluate(&text[range], bindings.context()),
        None => ENVIRONMENT.render_str(text, bindings.context()).map(serde_json::Value::String),
    }
}

/// Finds a missing or superfluous argument in a template's calls, as far as a context of samples shows it.
pub(crate) fn miscall(
    text: &str,
    bindings: &Bindings,
    names: &[String],
) -> Option<minijinja::Error> {
    use minijinja::ErrorKind::{MissingArgument, TooManyArguments};
    let samples: BTreeMap<&str, &str> =
        names.iter().map(|name| (name.as_str(), "sample")).collect();
    let context = minijinja::context! { ..bindings.context(), ..Value::from(Serde(samples)) };
    let error = ENVIRONMENT.render_str(text, context).err()?;
    matches!(error.kind(), MissingArgument | TooManyArguments).then_some(error)
}

fn evaluate(expression: &str, context: Value) -> Result<serde_json::Value, minijinja::Error> {
    let value = ENVIRONMENT.compile_expression(expression)?.eval(context)?;
    match value.is_undefined() {
        true => Err(minijinja::ErrorKind::UndefinedError.into()),
        false => Ok(json(&value)),
    }
}

/// Returns the expression of a template that is one and nothing else.
fn expression(text: &str) -> Option<Range<usize>> {
    let inner = text.trim_end_matches('\n').strip_prefix("{{")?.strip_suffix("}}")?;
    let start = 2 + usize::from(inner.starts_with(['-', '+']));
    let end = 2 + inner.len() - usize::from(inner.ends_with(['-', '+']));
    let is_one = start <= end && ENVIRONMENT.compile_expression(&text[start..end]).is_ok();
    is_one.then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> Result<Template> {
        let vars = BTreeMap::from([("prefix".to_owned(), Value::from("creator"))]);
        Template::new(source, &Bindings { vars, env: BTreeMap::new() })
    }

    #[test]
    fn the_namespace_is_a_value_and_not_the_function_of_that_name() {
        let rename = template("{{ vars.prefix }}_{{ creator }}_{{ namespace }}").unwrap();
        let context = serde_json::json!({"namespace": "twin_001", "creator": "a7"});
        assert_eq!(rename.render(&context).unwrap(), "creator_a7_twin_001");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_never_empty() {
        let rename = template("creator_{{ creator }}").unwrap();
        let error = rename.render(&serde_json::json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    #[test]
    fn values_are_written_as_json_writes_them() {
        let text =
            template("{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ f }} {{ a ~ 1 }} {{ a / 7 }}");
        let context = serde_json::json!({
            "a": 7.0, "b": 7.5, "c": 1e21, "d": true, "e": ["x", 2.0], "f": null
        });
        let rendered = text.unwrap().render(&context).unwrap();
        assert_eq!(rendered, r#"7 7.5 1e+21 true ["x",2] null 71 1"#);
    }

    #[test]
    fn one_expression_keeps_its_type_and_text_around_it_does_not() {
        let context = serde_json::json!({"k": 7.0, "t": ["a", "b"], "s": "7", "b": false});
        let value = |text: &str| template(text).unwrap().evaluate(&context).unwrap();
        for (text, expected) in [
            ("{{ k }}", serde_json::json!(7)),
            ("{{- k + 1 -}}", serde_json::json!(8)),
            ("{{ t }}", serde_json::json!(["a", "b"])),
            ("{{ s }}", serde_json::json!("7")),
            ("{{ b }}", serde_json::json!(false)),
            ("{{ k | string }}", serde_json::json!("7")),
            ("{{ s | int }}", serde_json::json!(7)),
            ("{{ k }}.", serde_json::json!("7.")),
            ("{{ k }}{{ k }}", serde_json::json!("77")),
            ("{{ '}}' }}", serde_json::json!("}}")),
            ("plain", serde_json::json!("plain")),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        let missing = template("{{ k.x }}").unwrap().evaluate(&context).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Invalid);
    }

    #[test]
    fn names_come_with_their_attribute() {
        let names =
            names("{{ vars.region }} {{ namespace | upper }} {{ event | tojson }}").unwrap();
        assert_eq!(names, ["event", "namespace", "vars.region"]);
    }
}
