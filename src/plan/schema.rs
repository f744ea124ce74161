//! The JSON Schema of a plan, made from the types: reading checks plans by it, and editors complete by it.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::check::System;
use super::file::{PlanFile, Stage, StageCommon, StageKind};

/// Returns the JSON Schema (draft 2020-12) of a plan file that names these systems.
pub(super) fn schema_of(systems: &[&'static dyn System]) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let endpoints: Vec<_> = systems.iter().map(|one| one.endpoint(&mut generator)).collect();
    let specs: Vec<_> = systems.iter().filter_map(|one| one.spec(&mut generator)).collect();
    let mut schema = generator.into_root_schema_for::<PlanFile>().to_value();
    let known = &mut schema["$defs"];
    let kinds: Vec<_> = systems.iter().flat_map(|one| one.rehearsal_kinds()).collect();
    known["RehearsalKind"]["enum"] = json!(kinds);
    known["Provider"] = words(&known["Provider"]["description"], systems);
    let index = &mut known["Endpoint"]["properties"]["index"]["description"];
    let meanings = systems.iter().filter_map(|one| one.index()).map(|one| format!("; {one}"));
    *index =
        json!(format!("{}{}.", index.as_str().unwrap_or_default(), meanings.collect::<String>()));
    add(&mut known["Endpoint"], endpoints);
    let common = std::mem::replace(&mut known["CreateSpec"]["properties"], json!({}));
    add(&mut known["CreateSpec"], specs);
    if let (Value::Object(keys), Value::Object(common)) =
        (&mut known["CreateSpec"]["properties"], common)
    {
        keys.extend(common);
    }
    let Ok(mut schema) = Schema::try_from(schema) else { return Value::Null };
    RecursiveTransform(without_null).transform(&mut schema);
    schema.insert("title".into(), "vecshift plan".into());
    schema.to_value()
}

/// Returns the schema of `provider:`, with the meaning of each word.
fn words(description: &Value, systems: &[&'static dyn System]) -> Value {
    let word = |system: &&dyn System| json!({ "type": "string", "const": system.name(), "description": system.meaning() });
    let words: Vec<_> = systems.iter().map(word).collect();
    json!({ "oneOf": words, "description": description })
}

/// Closes an object, and adds the keys of each system to it.
fn add(object: &mut Value, parts: Vec<Schema>) {
    for part in parts {
        let keys = part.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Value::Object(properties) = &mut object["properties"] {
            properties.extend(keys);
        }
    }
    object["additionalProperties"] = json!(false);
}

/// Makes optional keys refuse null: `rate:` without a value is a mistake.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            object["type"] = only.clone();
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
}

impl JsonSchema for Stage {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Stage".into()
    }

    /// Makes one closed object for each kind: its own keys and those of every stage side by side.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = StageCommon::json_schema(generator).to_value();
        let kinds = StageKind::json_schema(generator).to_value();
        let branches: Vec<Value> = kinds["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|branch| stage_of_kind(branch, &common, generator))
            .collect();
        let description = kinds.get("description").cloned().unwrap_or_default();
        Schema::try_from(json!({ "description": description, "oneOf": branches }))
            .unwrap_or_default()
    }
}

fn stage_of_kind(branch: &Value, common: &Value, generator: &SchemaGenerator) -> Value {
    let own = branch["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
        .and_then(|name| generator.definitions().get(name))
        .unwrap_or(branch);
    let mut properties = Map::new();
    for part in [branch, common, own] {
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
    }
    let mut required = vec![json!("kind")];
    required.extend(own["required"].as_array().into_iter().flatten().cloned());
    required.dedup();
    json!({
        "title": branch["properties"]["kind"]["const"],
        "description": branch.get("description").or(own.get("description")),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Returns the schema a `$ref` leads to, or the schema itself.
pub(crate) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    while let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        match root.pointer(path.trim_start_matches('#')) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// Returns the schema with what each `$ref` leads to in its place. A description beside a `$ref` stays.
pub(super) fn expanded(root: &Value, schema: &Value) -> Value {
    let own = schema.get("description").filter(|_| schema.get("$ref").is_some());
    match resolve(root, schema) {
        Value::Object(object) => {
            let keys = object.iter().filter(|(key, _)| *key != "$defs");
            let mut object: Map<_, _> =
                keys.map(|(key, value)| (key.clone(), expanded(root, value))).collect();
            object.extend(own.map(|own| ("description".to_owned(), own.clone())));
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(|item| expanded(root, item)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::language;

    #[test]
    fn every_kind_of_stage_is_a_closed_object() {
        let schema = language().schema();
        let stage = resolve(schema, &schema["properties"]["stages"]["items"]);
        let branches = stage["oneOf"].as_array().unwrap();
        assert_eq!(branches.len(), 9);
        for branch in branches {
            assert_eq!(branch["additionalProperties"], json!(false));
            assert!(branch["properties"]["assert"].is_object(), "{branch}");
            assert!(branch["properties"]["kind"]["const"].is_string());
        }
        let create = branches.iter().find(|branch| branch["title"] == "create").unwrap();
        assert_eq!(create["required"], json!(["kind", "spec"]));
    }

    #[test]
    fn nothing_may_be_null() {
        assert!(!language().schema().to_string().contains("\"null\""));
    }
}
