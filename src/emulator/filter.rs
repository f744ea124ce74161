//! The metadata filter language: every operator Pinecone documents, checked when it is read.
//!
//! A list of strings matches a comparison when one of its items does; `$ne` and `$nin` are the exact
//! opposites of `$eq` and `$in`, so a record without the field matches them.

use serde_json::{Map, Value};

use crate::model::{Metadata, MetadataValue};
use crate::pinecone_wire::limits::SET_VALUES;

use super::error::{Answer, Refusal};

/// A parsed, well-formed filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Field { name: String, test: Test },
}

/// The condition on one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Eq(Scalar),
    Ne(Scalar),
    Compare(Order, f64),
    In(Vec<Scalar>),
    NotIn(Vec<Scalar>),
    Exists(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Filter {
    /// Reads a filter; `None` for an empty object, which selects everything.
    pub fn read(value: &Value) -> Answer<Option<Self>> {
        let object = value
            .as_object()
            .ok_or_else(|| Refusal::invalid(format!("Filter must be an object, got {value}")))?;
        if object.is_empty() { Ok(None) } else { read_object(object).map(Some) }
    }

    pub fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.matches(metadata)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(metadata)),
            Self::Field { name, test } => test.holds(metadata.get(name)),
        }
    }

    /// Returns the filter as an index sees it that knows only `indexed` fields: all others count as absent.
    pub fn limited_to(self, indexed: &[String]) -> Self {
        let limit = |filters: Vec<Self>| {
            filters.into_iter().map(|filter| filter.limited_to(indexed)).collect()
        };
        match self {
            Self::And(all) => Self::And(limit(all)),
            Self::Or(any) => Self::Or(limit(any)),
            Self::Field { name, test } if indexed.contains(&name) => Self::Field { name, test },
            Self::Field { test, .. } if test.holds(None) => Self::And(Vec::new()),
            Self::Field { .. } => Self::Or(Vec::new()),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&MetadataValue>) -> bool {
        match self {
            Self::Eq(wanted) => any_item(value, |item| wanted.equals(item)),
            Self::Ne(wanted) => !any_item(value, |item| wanted.equals(item)),
            Self::Compare(order, bound) => any_item(value, |item| match item {
                MetadataValue::Number(number) => order.holds(*number, *bound),
                _ => false,
            }),
            Self::In(wanted) => any_item(value, |item| wanted.iter().any(|w| w.equals(item))),
            Self::NotIn(wanted) => !any_item(value, |item| wanted.iter().any(|w| w.equals(item))),
            Self::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

fn any_item(value: Option<&MetadataValue>, test: impl Fn(&MetadataValue) -> bool) -> bool {
    match value {
        None => false,
        Some(MetadataValue::List(items)) => items.iter().any(test),
        Some(value) => test(value),
    }
}

impl Order {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
        }
    }
}

impl Scalar {
    fn equals(&self, value: &MetadataValue) -> bool {
        match (self, value) {
            (Self::Bool(a), MetadataValue::Bool(b)) => a == b,
            (Self::Number(a), MetadataValue::Number(b)) => a == b,
            (Self::Text(a), MetadataValue::String(b)) => a == b,
            _ => false,
        }
    }
}

fn read_object(object: &Map<String, Value>) -> Answer<Filter> {
    let mut all = Vec::new();
    for (key, value) in object {
        match key.as_str() {
            "$and" => all.push(Filter::And(read_branches(key, value)?)),
            "$or" => all.push(Filter::Or(read_branches(key, value)?)),
            _ if key.starts_with('$') => {
                let message = format!("{key} is not a valid operator at the top of a filter");
                return Err(Refusal::invalid(message));
            }
            field => read_field(field, value, &mut all)?,
        }
    }
    match <[Filter; 1]>::try_from(all) {
        Ok([only]) => Ok(only),
        Err(all) => Ok(Filter::And(all)),
    }
}

fn read_branches(operator: &str, value: &Value) -> Answer<Vec<Filter>> {
    let refused = || {
        let message =
            format!("{operator} must be followed by a non-empty list of filters, got {value}");
        Refusal::invalid(message)
    };
    let branches = value.as_array().filter(|list| !list.is_empty()).ok_or_else(refused)?;
    branches
        .iter()
        .map(|branch| match branch.as_object() {
            Some(object) if !object.is_empty() => read_object(object),
            _ => Err(refused()),
        })
        .collect()
}

fn read_field(name: &str, value: &Value, all: &mut Vec<Filter>) -> Answer<()> {
    let mut push = |test| all.push(Filter::Field { name: name.to_owned(), test });
    let Value::Object(tests) = value else {
        push(Test::Eq(read_scalar("$eq", name, value)?));
        return Ok(());
    };
    if tests.is_empty() {
        return Err(Refusal::invalid(format!("The condition for field '{name}' is empty")));
    }
    for (operator, operand) in tests {
        push(read_test(operator, name, operand)?);
    }
    Ok(())
}

fn read_test(operator: &str, name: &str, operand: &Value) -> Answer<Test> {
    let number = || match operand.as_f64() {
        Some(number) => Ok(number),
        None => Err(wrong_operand(operator, name, "a number", operand)),
    };
    Ok(match operator {
        "$eq" => Test::Eq(read_scalar(operator, name, operand)?),
        "$ne" => Test::Ne(read_scalar(operator, name, operand)?),
        "$gt" => Test::Compare(Order::Greater, number()?),
        "$gte" => Test::Compare(Order::GreaterOrEqual, number()?),
        "$lt" => Test::Compare(Order::Less, number()?),
        "$lte" => Test::Compare(Order::LessOrEqual, number()?),
        "$in" => Test::In(read_set(operator, name, operand)?),
        "$nin" => Test::NotIn(read_set(operator, name, operand)?),
        "$exists" => match operand {
            Value::Bool(wanted) => Test::Exists(*wanted),
            _ => return Err(wrong_operand(operator, name, "a boolean", operand)),
        },
        _ => {
            let message = format!("{operator} is not a valid operator, for field '{name}'");
            return Err(Refusal::invalid(message));
        }
    })
}

fn read_scalar(operator: &str, name: &str, value: &Value) -> Answer<Scalar> {
    match value {
        Value::Bool(value) => Ok(Scalar::Bool(*value)),
        Value::String(value) => Ok(Scalar::Text(value.clone())),
        Value::Number(value) => Ok(Scalar::Number(value.as_f64().unwrap_or(f64::NAN))),
        _ => Err(wrong_operand(operator, name, "a string, number or boolean", value)),
    }
}

fn read_set(operator: &str, name: &str, value: &Value) -> Answer<Vec<Scalar>> {
    let Some(items) = value.as_array() else {
        return Err(wrong_operand(operator, name, "a list of strings or numbers", value));
    };
    if items.len() > SET_VALUES {
        let message = format!(
            "{operator} takes at most {SET_VALUES} values, got {} for field '{name}'",
            items.len()
        );
        return Err(Refusal::invalid(message));
    }
    items.iter().map(|item| read_scalar(operator, name, item)).collect()
}

fn wrong_operand(operator: &str, name: &str, wanted: &str, found: &Value) -> Refusal {
    Refusal::invalid(format!(
        "the {operator} operator must be followed by {wanted}, got {found} for field '{name}'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> Metadata {
        let value = json!({
            "genre": "drama", "year": 2020, "seen": true, "tags": ["a", "b"]
        });
        serde_json::from_value(value).unwrap()
    }

    fn matches(filter: Value) -> bool {
        Filter::read(&filter).unwrap().unwrap().matches(&metadata())
    }

    #[test]
    fn every_operator() {
        let hits = [
            json!({"genre": "drama"}),
            json!({"genre": {"$eq": "drama"}}),
            json!({"seen": true}),
            json!({"genre": {"$ne": "comedy"}}),
            json!({"year": {"$gt": 2019}}),
            json!({"year": {"$gte": 2020, "$lte": 2020}}),
            json!({"year": {"$lt": 2020.5}}),
            json!({"genre": {"$in": ["x", "drama"]}}),
            json!({"year": {"$in": [2020]}}),
            json!({"genre": {"$nin": ["x"]}}),
            json!({"genre": {"$exists": true}}),
            json!({"other": {"$exists": false}}),
            json!({"$and": [{"genre": "drama"}, {"year": 2020}]}),
            json!({"$or": [{"genre": "x"}, {"year": 2020}]}),
            json!({"genre": "drama", "year": 2020}),
        ];
        for filter in hits {
            assert!(matches(filter.clone()), "{filter}");
        }
        let misses = [
            json!({"genre": "Drama"}),
            json!({"year": "2020"}),
            json!({"year": {"$gt": 2020}}),
            json!({"genre": {"$gt": 1}}),
            json!({"genre": {"$in": []}}),
            json!({"genre": "drama", "year": 2021}),
            json!({"other": 1}),
            json!({"other": {"$in": [1]}}),
            json!({"$or": [{"genre": "x"}, {"year": {"$lt": 0}}]}),
        ];
        for filter in misses {
            assert!(!matches(filter.clone()), "{filter}");
        }
    }

    #[test]
    fn a_list_matches_by_any_item() {
        assert!(matches(json!({"tags": "b"})));
        assert!(matches(json!({"tags": {"$in": ["z", "a"]}})));
        assert!(!matches(json!({"tags": {"$ne": "a"}})));
        assert!(!matches(json!({"tags": {"$nin": ["b"]}})));
        assert!(matches(json!({"$and": [{"tags": "a"}, {"tags": "b"}]})));
    }

    #[test]
    fn a_missing_field_is_not_equal_to_anything() {
        assert!(matches(json!({"other": {"$ne": 1}})));
        assert!(matches(json!({"other": {"$nin": [1]}})));
        assert!(!matches(json!({"other": {"$exists": true}})));
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_field() {
        let wrong = [
            (json!([]), "object"),
            (json!({"$not": {}}), "$not"),
            (json!({"a": {"$like": "x"}}), "$like"),
            (json!({"a": {}}), "'a'"),
            (json!({"a": ["x"]}), "$eq"),
            (json!({"a": null}), "$eq"),
            (json!({"a": {"$gt": "x"}}), "a number"),
            (json!({"a": {"$in": "x"}}), "a list"),
            (json!({"a": {"$exists": 1}}), "a boolean"),
            (json!({"$and": []}), "$and"),
            (json!({"$or": [{}]}), "$or"),
            (json!({"a": {"$in": vec![1; 10_001]}}), "10001"),
        ];
        for (filter, part) in wrong {
            let refusal = Filter::read(&filter).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
        assert_eq!(Filter::read(&json!({})).unwrap(), None);
    }

    #[test]
    fn fields_that_are_not_indexed_are_absent() {
        let indexed = ["year".to_owned()];
        let limited = |filter: Value| {
            let filter = Filter::read(&filter).unwrap().unwrap().limited_to(&indexed);
            filter.matches(&metadata())
        };
        assert!(limited(json!({"year": 2020})));
        assert!(!limited(json!({"genre": "drama"})));
        assert!(limited(json!({"genre": {"$exists": false}})));
        assert!(limited(json!({"$or": [{"genre": "drama"}, {"year": 2020}]})));
    }
}
