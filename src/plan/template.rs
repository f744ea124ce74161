//! placeholder
use crate::error::{Error, Result};
/// placeholder
#[derive(Clone, Debug)]
pub struct Template(String);
impl Template {
    pub fn render(&self, context: &serde_json::Value) -> Result<String> {
        let mut environment = minijinja::Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment
            .render_str(&self.0, minijinja::Value::from(minijinja::value::Serde(context)))
            .map_err(|e| Error::invalid(e.to_string()))
    }
}
impl super::Plan {
    pub fn template(&self, text: &str) -> Result<Template> {
        Ok(Template(text.to_owned()))
    }
}
