//! One OpenAPI file: its operations, and validators of their schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// A file of OpenAPI 3.0, its schemas made strict.
pub struct Document {
    operations: Vec<Operation>,
    components: Value,
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// One method of one path.
#[derive(Debug)]
pub struct Operation {
    pub name: String,
    method: String,
    template: Vec<String>,
    body: Value,
}

impl Document {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut document: Value = serde_saphyr::from_str(&text).unwrap();
        make_strict(&mut document["components"]["schemas"]);
        let paths = document["paths"].take();
        let operations = paths.as_object().unwrap().iter().flat_map(|(path, methods)| {
            let operations = methods.as_object().unwrap().iter();
            let operations = operations.filter(|(_, body)| body.get("operationId").is_some());
            operations.map(|(method, body)| Operation {
                name: body["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                template: path.split('/').map(str::to_owned).collect(),
                body: body.clone(),
            })
        });
        Self {
            operations: operations.collect(),
            components: document["components"].take(),
            validators: Mutex::default(),
        }
    }

    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// Returns the operation of a request; a fixed path takes precedence over one with a parameter.
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let segments: Vec<_> = path.split('/').collect();
        let fitting = self.operations.iter().filter(|operation| {
            operation.method == method
                && operation.template.len() == segments.len()
                && operation.template.iter().zip(&segments).all(|(a, b)| is_parameter(a) || a == b)
        });
        fitting
            .min_by_key(|operation| operation.template.iter().filter(|a| is_parameter(a)).count())
    }

    /// Returns what is wrong with `value` under a schema of this file; the key is the schema's own text.
    pub fn violations(&self, schema: &Value, value: &Value) -> Vec<String> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(key).or_insert_with(|| Arc::new(self.validator(schema)));
        let validator = Arc::clone(validator);
        drop(validators);
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("at {:?}: {error}", error.instance_path().to_string())).collect()
    }

    /// Makes a validator. OpenAPI 3.0 has the JSON Schema of draft 4 (and `nullable`, which no file here uses). A
    /// reference finds the file's components under the same pointer.
    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        make_strict(&mut schema);
        let whole = json!({ "allOf": [schema], "components": self.components });
        let options = jsonschema::options().with_draft(Draft::Draft4);
        options.should_validate_formats(true).offline().build(&whole).unwrap()
    }
}

impl Operation {
    /// Returns the query and path parameters: place, name, whether it is required, schema.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str, bool, &Value)> {
        self.body["parameters"].as_array().into_iter().flatten().map(|parameter| {
            let is_required = parameter["required"].as_bool().unwrap_or(false);
            let word = |key: &str| parameter[key].as_str().unwrap();
            (word("in"), word("name"), is_required, &parameter["schema"])
        })
    }

    /// Returns the media types a request's body may have, with their schemas.
    pub fn request(&self) -> Option<&Map<String, Value>> {
        self.body["requestBody"]["content"].as_object()
    }

    /// Returns the answer of `status`, or of its class (`4XX`); `None` if the file has none.
    pub fn answer(&self, status: u16) -> Option<&Value> {
        let answers = &self.body["responses"];
        let class = format!("{}XX", status / 100);
        answers.get(status.to_string()).or_else(|| answers.get(class))
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

/// Forbids members that no schema names, wherever the file leaves it open and names any.
fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            assert!(!members.contains_key("nullable"), "nullable has to be converted: {members:?}");
            let names_some = members.get("properties").is_some_and(Value::is_object);
            if names_some && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(make_strict);
        }
        Value::Array(items) => items.iter_mut().for_each(make_strict),
        _ => {}
    }
}
