//! Check of an exchange against the files.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, Operation};
use super::{VERSIONS, file};

/// A request and its answer, as they crossed the wire.
#[derive(Debug)]
pub struct Exchange {
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Decoded query parameters.
    pub query: Vec<(String, String)>,
    pub version: Option<String>,
    pub has_key: bool,
    pub request_type: Option<String>,
    pub request: Vec<u8>,
    /// True if the request is wrong on purpose, so that only its answer counts.
    pub is_wrong: bool,
    pub status: u16,
    pub answer_type: Option<String>,
    pub answer: Vec<u8>,
}

/// Result of a check: the operation, if the files have one, and what is wrong.
#[derive(Debug, Default)]
pub struct Finding {
    /// The version and the operation's id in the files.
    pub operation: Option<(&'static str, String)>,
    pub violations: Vec<String>,
}

const PLANES: [&str; 2] = ["control", "data"];

/// The control and data planes of the versions that have files.
pub struct Specification {
    planes: Vec<(&'static str, Document)>,
}

impl Specification {
    pub fn read() -> Self {
        let read = |version| {
            let planes = PLANES.into_iter();
            planes.map(move |plane| (version, Document::read(&file(version, plane))))
        };
        Self { planes: VERSIONS.into_iter().flat_map(read).collect() }
    }

    /// Returns all operations of a version.
    pub fn operations(&self, version: &str) -> BTreeSet<String> {
        let planes = PLANES.into_iter();
        planes.flat_map(|plane| self.operations_of(version, plane)).collect()
    }

    /// Returns the operations of one plane.
    pub fn operations_of(&self, version: &str, plane: &str) -> BTreeSet<String> {
        let mut files = self.planes.iter().zip(PLANES.into_iter().cycle());
        let found = files.find(|((of, _), name)| *of == version && *name == plane);
        found
            .into_iter()
            .flat_map(|((_, file), _)| file.operations())
            .map(|op| op.name.clone())
            .collect()
    }

    /// Judges an exchange; one of a version without files is not judged.
    pub fn check(&self, exchange: &Exchange) -> Finding {
        let Some(version) = exchange.version.as_deref() else {
            return Finding::wrong("the request names no API version");
        };
        let found = self.planes.iter().filter(|(of, _)| *of == version).find_map(|(of, plane)| {
            Some((of, plane, plane.operation(&exchange.method, &exchange.path)?))
        });
        let Some((version, plane, operation)) = found else {
            return match VERSIONS.contains(&version) {
                true => Finding::wrong("no operation of the files has this method and path"),
                false => Finding::default(),
            };
        };
        let mut violations = Vec::new();
        if !exchange.is_wrong {
            violations.extend(request(plane, operation, exchange));
        }
        violations.extend(answer(plane, operation, exchange));
        Finding { operation: Some((version, operation.name.clone())), violations }
    }
}

impl Finding {
    fn wrong(what: &str) -> Self {
        Self { operation: None, violations: vec![what.to_owned()] }
    }
}

fn request(plane: &Document, operation: &Operation, exchange: &Exchange) -> Vec<String> {
    let mut found = Vec::new();
    if !exchange.has_key {
        found.push("the request has no Api-Key".to_owned());
    }
    found.extend(parameters(plane, operation, exchange));
    let body = &exchange.request;
    match (operation.request(), body.is_empty()) {
        (None, true) => {}
        (None, false) => found.push("the request has a body, the file has none".to_owned()),
        (Some(_), true) => found.push("the request has no body".to_owned()),
        (Some(types), false) => {
            let kind = exchange.request_type.as_deref().unwrap_or_default();
            match types.get(essence(kind)) {
                Some(media) => found.extend(json(plane, &media["schema"], body)),
                None => found.push(format!("the request's type {kind:?} is not in the file")),
            }
        }
    }
    found.into_iter().map(|text| format!("request: {text}")).collect()
}

fn parameters(plane: &Document, operation: &Operation, exchange: &Exchange) -> Vec<String> {
    let mut found = Vec::new();
    let known: Vec<_> = operation.parameters().filter(|(place, ..)| *place == "query").collect();
    for (name, _) in &exchange.query {
        if !known.iter().any(|(_, known, ..)| known == name) {
            found.push(format!("the file has no query parameter {name}"));
        }
    }
    for (_, name, is_required, schema) in known {
        let given: Vec<_> =
            exchange.query.iter().filter(|(key, _)| key == name).map(|(_, text)| text).collect();
        if given.is_empty() {
            if is_required {
                found.push(format!("the query parameter {name} is missing"));
            }
            continue;
        }
        let value = match schema["type"].as_str() {
            Some("array") => given.iter().map(|text| Value::from(text.as_str())).collect(),
            Some("integer") => given[0].parse::<i64>().map_or(Value::Null, Value::from),
            _ => Value::from(given[0].as_str()),
        };
        found.extend(plane.violations(schema, &value).into_iter().map(|it| format!("{name} {it}")));
    }
    found
}

fn answer(plane: &Document, operation: &Operation, exchange: &Exchange) -> Vec<String> {
    let status = exchange.status;
    let Some(answer) = operation.answer(status) else {
        return vec![format!("answer: the file has no status {status} here")];
    };
    // The files show JSON here; Pinecone's documents of 2026-07 say that it is plain text.
    if status == 401 {
        return Vec::new();
    }
    let body = &exchange.answer;
    let found = match answer["content"].as_object() {
        None if body.is_empty() => Vec::new(),
        None => vec!["has a body, the file has none".to_owned()],
        Some(types) => {
            let kind = exchange.answer_type.as_deref().unwrap_or_default();
            match types.get(essence(kind)) {
                Some(media) => json(plane, &media["schema"], body),
                None => vec![format!("its type {kind:?} is not in the file")],
            }
        }
    };
    found.into_iter().map(|text| format!("answer {status}: {text}")).collect()
}

fn json(plane: &Document, schema: &Value, body: &[u8]) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(value) => plane.violations(schema, &value),
        Err(error) => vec![format!("is not JSON: {error}")],
    }
}

/// Returns a media type without its parameters.
fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

/// Each exchange has one thing wrong that the proxy should notice.
#[test]
fn each_kind_of_violation_is_found() {
    let what = "that violations of Pinecone's OpenAPI files are noticed";
    let Some(specification) = super::specification(what) else { return };
    let right = || Exchange {
        method: "POST".to_owned(),
        path: "/query".to_owned(),
        query: Vec::new(),
        version: Some(VERSIONS[0].to_owned()),
        has_key: true,
        request_type: Some("application/json".to_owned()),
        request: br#"{"topK": 3, "vector": [1.0]}"#.to_vec(),
        is_wrong: false,
        status: 200,
        answer_type: Some("application/json; charset=utf-8".to_owned()),
        answer: br#"{"matches": [{"id": "a", "score": 0.5, "values": []}], "namespace": ""}"#
            .to_vec(),
    };
    let finding = specification.check(&right());
    assert_eq!(finding.violations, Vec::<String>::new());
    assert_eq!(finding.operation, Some((VERSIONS[0], "queryVectors".to_owned())));
    type Spoil = fn(&mut Exchange);
    let spoils: [(&str, Spoil); 10] = [
        ("API version", |it| it.version = None),
        ("method and path", |it| it.path = "/queries".to_owned()),
        ("Api-Key", |it| it.has_key = false),
        ("query parameter", |it| it.query = vec![("k".to_owned(), "3".to_owned())]),
        ("request: at", |it| it.request = br#"{"vector": [1.0]}"#.to_vec()),
        ("'top_k' was unexpected", |it| it.request = br#"{"topK": 3, "top_k": 3}"#.to_vec()),
        ("type", |it| it.request_type = None),
        ("status 302", |it| it.status = 302),
        ("'hits' was unexpected", |it| it.answer = br#"{"hits": []}"#.to_vec()),
        ("is not JSON", |it| it.answer = b"matches".to_vec()),
    ];
    for (word, spoil) in spoils {
        let mut exchange = right();
        spoil(&mut exchange);
        let found = specification.check(&exchange).violations;
        assert!(found.iter().any(|text| text.contains(word)), "{word} in {found:?}");
    }
}
