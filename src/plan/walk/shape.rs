//! Shapes that a schema can ask for: the few forms that the plan's types produce.

use serde_json::{Map, Value, json};

use super::super::diagnostic::either;

pub(super) enum Shape<'a> {
    Anything,
    /// `{env: …}` or `{file: …}`.
    Secret(Vec<(&'a str, &'a Value)>),
    /// A mapping with exactly one of these keys.
    OneKey(Vec<(&'a str, &'a Value)>),
    /// A mapping whose `tag` decides which of these it is.
    Tagged {
        tag: &'a str,
        branches: Vec<(&'a str, &'a Value)>,
    },
    Words(Vec<&'a str>),
    Any(Vec<&'a Value>),
    Object,
    Array,
    /// Text, with its format if it is a quantity.
    Text(Option<&'a str>),
    Integer,
    Number,
    Boolean,
}

impl<'a> Shape<'a> {
    pub fn of(schema: &'a Value) -> Self {
        if let Some(words) = words(schema) {
            return Self::Words(words);
        }
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            return Self::of_branches(schema, branches);
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            return Self::Any(branches.iter().collect());
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => Self::Object,
            Some("array") => Self::Array,
            Some("string") => Self::Text(schema.get("format").and_then(Value::as_str)),
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            _ => Self::Anything,
        }
    }

    fn of_branches(schema: &'a Value, branches: &'a [Value]) -> Self {
        let tagged: Option<Vec<_>> = branches
            .iter()
            .map(|branch| branch["properties"]["kind"]["const"].as_str().map(|tag| (tag, branch)))
            .collect();
        if let Some(branches) = tagged {
            return Self::Tagged { tag: "kind", branches };
        }
        let keyed: Option<Vec<_>> = branches
            .iter()
            .map(|branch| {
                let properties = branch["properties"].as_object()?;
                let (key, schema) = properties.iter().next()?;
                (properties.len() == 1).then_some((key.as_str(), schema))
            })
            .collect();
        match keyed {
            Some(keys) if schema.get("x-vecshift-secret").is_some() => Self::Secret(keys),
            Some(keys) => Self::OneKey(keys),
            None => Self::Any(branches.iter().collect()),
        }
    }

    /// Describes the shape in the words of a message: `a duration like `90s``.
    pub fn describe(&self) -> String {
        match self {
            Self::Anything => "a value".into(),
            Self::Secret(_) => "`{ env: NAME }` or `{ file: PATH }`".into(),
            Self::OneKey(keys) => {
                format!("a mapping with one of {}", either(keys.iter().map(|(key, _)| *key)))
            }
            Self::Object | Self::Tagged { .. } => "a mapping".into(),
            Self::Words(words) => either(words.iter().copied()),
            Self::Any(branches) => {
                let all: Vec<_> =
                    branches.iter().map(|branch| Shape::of(branch).describe()).collect();
                all.join(" or ")
            }
            Self::Array => "a list".into(),
            Self::Text(format) => format.and_then(quantity).unwrap_or("text").into(),
            Self::Integer => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "`true` or `false`".into(),
        }
    }
}

fn quantity(format: &str) -> Option<&'static str> {
    Some(match format {
        "vecshift-duration" => "a duration like `90s`",
        "vecshift-size" => "a size like `2 MB`",
        "vecshift-rate" => "a rate like `20/s`",
        "vecshift-share" => "a share like `5%`",
        "vecshift-money" => "an amount like `$150`",
        "vecshift-compare" => "`all`, a share like `1%` or a number like `10_000 records`",
        "vecshift-latency" => "a duration or a range like `5ms..25ms`",
        _ => return None,
    })
}

/// Returns the words of a schema that allows only a few.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let branches = schema.get("oneOf").and_then(Value::as_array)?;
    let nested: Option<Vec<_>> = branches.iter().map(words).collect();
    nested.map(|words| words.concat())
}

/// Returns some value that fits the schema, to stand in for one that does not.
pub(super) fn sample(schema: &Value) -> Value {
    if let Some(example) = schema["examples"].get(0).or_else(|| schema.get("default")) {
        return example.clone();
    }
    match Shape::of(schema) {
        Shape::Anything => Value::Null,
        Shape::Secret(keys) | Shape::OneKey(keys) => keys
            .first()
            .map(|(key, schema)| {
                Value::Object(Map::from_iter([((*key).to_owned(), sample(schema))]))
            })
            .unwrap_or_default(),
        Shape::Tagged { branches, .. } => {
            branches.first().map(|(_, branch)| sample(branch)).unwrap_or_default()
        }
        Shape::Words(words) => json!(words.first()),
        Shape::Any(branches) => branches.first().map(|branch| sample(branch)).unwrap_or_default(),
        Shape::Object => {
            let required = schema["required"].as_array().into_iter().flatten();
            required
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), sample(&schema["properties"][name])))
                .collect::<Map<_, _>>()
                .into()
        }
        Shape::Array => match schema["minItems"].as_u64() {
            Some(1..) => json!([sample(&schema["items"])]),
            _ => json!([]),
        },
        Shape::Text(_) => json!("sample"),
        Shape::Integer | Shape::Number => json!(schema["minimum"].as_u64().unwrap_or(0).max(1)),
        Shape::Boolean => json!(false),
    }
}
