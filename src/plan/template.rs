//! Templates: `{{ … }}` in scalar values, strict about names that are not there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

/// What is known everywhere in a plan: `vars` and `env`, with the values they had when it was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    pub vars: BTreeMap<String, Value>,
    pub env: BTreeMap<String, String>,
}

impl Bindings {
    fn context(&self) -> Value {
        minijinja::context! { vars => self.vars.clone(), env => self.env.clone() }
    }
}

/// A text that is evaluated later, when the namespace, record, event or weight it speaks of is known.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    /// `vars` and `env`.
    known: Value,
}

impl Template {
    /// # Errors
    ///
    /// `Invalid` where the text is not a template.
    pub(crate) fn new(source: &str, bindings: &Bindings) -> Result<Self> {
        if is_template(source) {
            ENVIRONMENT.template_from_str(source).map_err(|error| failed(source, &error))?;
        }
        Ok(Self { source: source.into(), known: bindings.context() })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the text is the same in every context.
    pub fn is_constant(&self) -> bool {
        !is_template(&self.source)
    }

    /// The text in a context such as `{"namespace": "twin_001"}`. `vars` and `env` are known besides.
    ///
    /// # Errors
    ///
    /// `Invalid` where a name or an attribute is not there, or a filter fails.
    pub fn render(&self, context: &impl Serialize) -> Result<String> {
        if self.is_constant() {
            return Ok(self.source.to_string());
        }
        let context = minijinja::context! {
            ..self.known.clone(),
            ..Value::from(Serde(context))
        };
        ENVIRONMENT.render_str(&self.source, context).map_err(|error| failed(&self.source, &error))
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

/// Whether a text needs evaluation at all.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// What minijinja says, without its names of files and lines.
pub(crate) fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The names a template reads, with one attribute each: `namespace`, `vars.region`.
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

/// minijinja's own functions, less `namespace`, which is the namespace here.
const GLOBALS: [&str; 3] = ["range", "dict", "debug"];

pub(crate) fn render(text: &str, bindings: &Bindings) -> Result<String, minijinja::Error> {
    ENVIRONMENT.render_str(text, bindings.context())
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
    fn names_come_with_their_attribute() {
        let names =
            names("{{ vars.region }} {{ namespace | upper }} {{ event | tojson }}").unwrap();
        assert_eq!(names, ["event", "namespace", "vars.region"]);
    }
}
