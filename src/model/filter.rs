//! A metadata filter that is applied to records here, not in an index, with the operators that vector databases share:
//! a copy applies it to what it reads, the emulator to what it keeps.
//!
//! `$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or`; a bare value is `$eq`. As in their indexes a list passes a
//! comparison when one of its items does, `$ne` and `$nin` are the exact opposites of `$eq` and `$in` (so a record
//! without the field passes them), and types are never converted: `"2020"` is not `2020`.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use super::{Metadata, Value};

/// A parsed, well-formed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordFilter(pub(crate) Rule);

/// A mistake in a filter, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterProblem {
    /// JSON pointer into the filter.
    pub pointer: String,
    /// True if the mistake is the key there, not its value.
    pub is_key: bool,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Field { name: String, test: Test },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    In(Vec<Scalar>),
    NotIn(Vec<Scalar>),
    /// The value itself; a list that contains it does not count.
    Is(Vec<Scalar>),
    Compare(Order, f64),
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

type Read<T> = Result<T, FilterProblem>;

impl RecordFilter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first mistake; an empty object is one, as it would exclude nothing.
    pub fn read(value: &Json) -> Read<Self> {
        object(value, "").and_then(|fields| all_of(fields, "")).map(Self)
    }

    /// Returns the same filter with strict equality for these fields: a list does not pass because of one of its
    /// items.
    pub fn literally(self, fields: &[String]) -> Self {
        Self(self.0.literally(fields))
    }

    /// Returns the filter as an index sees it that knows only `indexed` fields: the others are absent.
    pub fn limited_to(self, indexed: &[String]) -> Self {
        Self(self.0.limited_to(indexed))
    }

    /// Returns the number of values in its longest list of values to compare with.
    pub fn longest_set(&self) -> usize {
        self.0.longest_set()
    }

    /// Returns whether a record with this metadata passes.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        self.0.matches(metadata)
    }

    /// Returns the fields it looks at, each once, in order.
    pub fn fields(&self) -> std::collections::BTreeSet<&str> {
        let mut found = std::collections::BTreeSet::new();
        self.0.collect_fields(&mut found);
        found
    }
}

impl Rule {
    fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.matches(metadata)),
            Self::Any(rules) => rules.iter().any(|rule| rule.matches(metadata)),
            Self::Field { name, test } => {
                // An index does not keep nulls.
                let value = metadata.get(name).filter(|value| **value != Value::Null);
                test.holds(value)
            }
        }
    }

    fn literally(self, fields: &[String]) -> Self {
        let each =
            |rules: Vec<Self>| rules.into_iter().map(|rule| rule.literally(fields)).collect();
        match self {
            Self::All(rules) => Self::All(each(rules)),
            Self::Any(rules) => Self::Any(each(rules)),
            Self::Field { name, test: Test::In(wanted) } if fields.contains(&name) => {
                Self::Field { name, test: Test::Is(wanted) }
            }
            other => other,
        }
    }

    fn limited_to(self, indexed: &[String]) -> Self {
        let each =
            |rules: Vec<Self>| rules.into_iter().map(|rule| rule.limited_to(indexed)).collect();
        match self {
            Self::All(rules) => Self::All(each(rules)),
            Self::Any(rules) => Self::Any(each(rules)),
            Self::Field { name, test } if indexed.contains(&name) => Self::Field { name, test },
            // All of nothing is true, any of nothing is false.
            Self::Field { test, .. } if test.holds(None) => Self::All(Vec::new()),
            Self::Field { .. } => Self::Any(Vec::new()),
        }
    }

    fn longest_set(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => {
                rules.iter().map(Self::longest_set).max().unwrap_or_default()
            }
            Self::Field {
                test: Test::In(wanted) | Test::NotIn(wanted) | Test::Is(wanted), ..
            } => wanted.len(),
            Self::Field { .. } => 0,
        }
    }

    fn collect_fields<'a>(&'a self, found: &mut std::collections::BTreeSet<&'a str>) {
        match self {
            Self::All(rules) | Self::Any(rules) => {
                rules.iter().for_each(|rule| rule.collect_fields(found));
            }
            Self::Field { name, .. } => {
                found.insert(name);
            }
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Self::In(wanted) => any_item(value, |item| wanted.iter().any(|one| one.equals(item))),
            Self::Is(wanted) => {
                value.is_some_and(|value| wanted.iter().any(|one| one.equals(value)))
            }
            Self::NotIn(wanted) => {
                !any_item(value, |item| wanted.iter().any(|one| one.equals(item)))
            }
            Self::Compare(order, bound) => {
                any_item(value, |item| item.compare(*bound).is_some_and(|found| order.holds(found)))
            }
            Self::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

fn any_item(value: Option<&Value>, test: impl Fn(&Value) -> bool) -> bool {
    match value {
        None => false,
        Some(Value::List(items)) => items.iter().any(test),
        Some(value) => test(value),
    }
}

impl Order {
    /// Whether a value passes that stands so to the bound.
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Text(a), Value::Text(b) | Value::Time(b)) => a == b,
            (Self::Number(a), number) => number.compare(*a).is_some_and(Ordering::is_eq),
            _ => false,
        }
    }
}

fn object<'a>(value: &'a Json, at: &str) -> Read<&'a Map<String, Json>> {
    match value.as_object() {
        Some(fields) if !fields.is_empty() => Ok(fields),
        Some(_) => Err(problem(at, "an empty filter asks nothing")),
        None => Err(problem(at, "a filter is a mapping of fields to what is asked of them")),
    }
}

fn all_of(fields: &Map<String, Json>, at: &str) -> Read<Rule> {
    let mut rules = Vec::new();
    for (key, value) in fields {
        let here = below(at, key);
        match key.as_str() {
            "$and" => rules.push(Rule::All(branches(value, key, &here)?)),
            "$or" => rules.push(Rule::Any(branches(value, key, &here)?)),
            operator if operator.starts_with('$') => {
                let message = format!(
                    "`{operator}` does not stand at the top of a filter: name a field, or use `$and` or `$or`"
                );
                return Err(FilterProblem { is_key: true, ..problem(&here, message) });
            }
            name => field(name, value, &here, &mut rules)?,
        }
    }
    match <[Rule; 1]>::try_from(rules) {
        Ok([only]) => Ok(only),
        Err(rules) => Ok(Rule::All(rules)),
    }
}

fn branches(value: &Json, operator: &str, at: &str) -> Read<Vec<Rule>> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| {
        problem(at, format!("`{operator}` takes a list of filters, at least one"))
    })?;
    let read = |(index, branch): (usize, &Json)| {
        let here = below(at, &index.to_string());
        all_of(object(branch, &here)?, &here)
    };
    list.iter().enumerate().map(read).collect()
}

fn field(name: &str, value: &Json, at: &str, rules: &mut Vec<Rule>) -> Read<()> {
    let mut push = |test| rules.push(Rule::Field { name: name.to_owned(), test });
    let Json::Object(tests) = value else {
        push(Test::In(vec![scalar("$eq", value, at)?]));
        return Ok(());
    };
    if tests.is_empty() {
        return Err(problem(at, format!("nothing is asked of `{name}`")));
    }
    for (operator, operand) in tests {
        push(test(operator, operand, &below(at, operator))?);
    }
    Ok(())
}

fn test(operator: &str, operand: &Json, at: &str) -> Read<Test> {
    let compare = |order| match operand {
        Json::Number(_) => Ok(Test::Compare(order, number(operand, at)?)),
        _ => Err(wrong_operand(operator, "a number", at)),
    };
    match operator {
        "$eq" => Ok(Test::In(vec![scalar(operator, operand, at)?])),
        "$ne" => Ok(Test::NotIn(vec![scalar(operator, operand, at)?])),
        "$gt" => compare(Order::Greater),
        "$gte" => compare(Order::GreaterOrEqual),
        "$lt" => compare(Order::Less),
        "$lte" => compare(Order::LessOrEqual),
        "$in" => Ok(Test::In(set(operator, operand, at)?)),
        "$nin" => Ok(Test::NotIn(set(operator, operand, at)?)),
        "$exists" => match operand {
            Json::Bool(wanted) => Ok(Test::Exists(*wanted)),
            _ => Err(wrong_operand(operator, "true or false", at)),
        },
        _ => {
            let all = "$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or";
            let message = format!("`{operator}` is no operator: there are {all}");
            Err(FilterProblem { is_key: true, ..problem(at, message) })
        }
    }
}

/// Reads a number, which filters compare as a float.
fn number(value: &Json, at: &str) -> Read<f64> {
    let kept = Value::from(value).as_f64();
    kept.ok_or_else(|| problem(at, format!("no 64-bit float keeps all digits of {value}")))
}

fn scalar(operator: &str, value: &Json, at: &str) -> Read<Scalar> {
    match value {
        Json::Bool(value) => Ok(Scalar::Bool(*value)),
        Json::String(value) => Ok(Scalar::Text(value.clone())),
        Json::Number(_) => Ok(Scalar::Number(number(value, at)?)),
        _ => Err(wrong_operand(operator, "a text, a number, true or false", at)),
    }
}

fn set(operator: &str, value: &Json, at: &str) -> Read<Vec<Scalar>> {
    let items = value.as_array().ok_or_else(|| wrong_operand(operator, "a list", at))?;
    let read = |(index, item)| scalar(operator, item, &below(at, &format!("{index}")));
    items.iter().enumerate().map(read).collect()
}

fn wrong_operand(operator: &str, wanted: &str, at: &str) -> FilterProblem {
    problem(at, format!("`{operator}` takes {wanted}"))
}

fn problem(at: &str, message: impl Into<String>) -> FilterProblem {
    FilterProblem { pointer: at.to_owned(), is_key: false, message: message.into() }
}

/// Extends a JSON pointer by one step (RFC 6901).
fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(filter: Json) -> bool {
        let metadata = json!({
            "genre": "drama", "year": 2020, "seen": true, "tags": ["a", "b"], "gone": null
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        RecordFilter::read(&filter).unwrap().matches(&metadata)
    }

    #[test]
    fn to_the_letter_a_list_is_none_of_its_items() {
        let filter = json!({"$or": [{"owner": {"$eq": "1"}}, {"owner": {"$eq": 1}}]});
        let loose = RecordFilter::read(&filter).unwrap();
        let strict = loose.clone().literally(&["owner".to_owned()]);
        let passes = |filter: &RecordFilter, owner: serde_json::Value| {
            filter.matches(&serde_json::from_value(json!({ "owner": owner })).unwrap())
        };
        for (owner, both, by_item) in [
            (json!("1"), true, true),
            (json!(1), true, true),
            (json!("12"), false, false),
            (json!(["1", "2"]), false, true),
            (json!(["2"]), false, false),
        ] {
            assert_eq!(passes(&strict, owner.clone()), both, "{owner}");
            assert_eq!(passes(&loose, owner.clone()), by_item, "{owner}");
        }
        let other = loose.clone().literally(&["other".to_owned()]);
        assert_eq!(other, loose);
    }

    #[test]
    fn every_operator_and_its_opposite() {
        for hit in [
            json!({"genre": "drama"}),
            json!({"genre": {"$ne": "comedy"}}),
            json!({"year": {"$gt": 2019, "$lt": 2020.5}}),
            json!({"year": {"$gte": 2020, "$lte": 2020}}),
            json!({"year": {"$in": [1, 2020]}}),
            json!({"tags": {"$in": ["b"]}}),
            json!({"other": {"$nin": ["b"]}}),
            json!({"gone": {"$exists": false}}),
            json!({"seen": {"$exists": true}}),
            json!({"$or": [{"genre": "x"}, {"$and": [{"seen": true}, {"tags": "a"}]}]}),
        ] {
            assert!(matches(hit.clone()), "{hit}");
        }
        for miss in [
            json!({"year": "2020"}),
            json!({"genre": {"$gt": 1}}),
            json!({"genre": {"$in": []}}),
            json!({"tags": {"$nin": ["b"]}}),
            json!({"genre": "drama", "year": 2021}),
            json!({"other": 1}),
            json!({"gone": {"$exists": true}}),
        ] {
            assert!(!matches(miss.clone()), "{miss}");
        }
    }

    #[test]
    fn mistakes_are_reported_with_their_place() {
        for (filter, pointer, part) in [
            (json!([]), "", "mapping"),
            (json!({}), "", "asks nothing"),
            (json!({"$not": {}}), "/$not", "top of a filter"),
            (json!({"a/b": {"$like": "x"}}), "/a~1b/$like", "no operator"),
            (json!({"a": {}}), "/a", "nothing is asked"),
            (json!({"a": ["x"]}), "/a", "`$eq` takes"),
            (json!({"a": {"$gt": "x"}}), "/a/$gt", "a number"),
            (json!({"a": {"$in": [1, null]}}), "/a/$in/1", "`$in` takes"),
            (json!({"$or": [{"a": 1}, {}]}), "/$or/1", "asks nothing"),
            (json!({"$and": []}), "/$and", "at least one"),
        ] {
            let found = RecordFilter::read(&filter).unwrap_err();
            assert_eq!(found.pointer, pointer, "{filter}");
            assert!(found.message.contains(part), "{}", found.message);
        }
    }

    #[test]
    fn fields_that_are_not_indexed_are_absent() {
        let metadata = json!({"genre": "drama", "year": 2020});
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let indexed = ["year".to_owned()];
        for (filter, passes) in [
            (json!({"year": 2020}), true),
            (json!({"genre": "drama"}), false),
            (json!({"genre": {"$exists": false}}), true),
            (json!({"genre": {"$ne": "drama"}}), true),
            (json!({"$or": [{"genre": "drama"}, {"year": 2020}]}), true),
            (json!({"genre": "drama", "year": 2020}), false),
        ] {
            let limited = RecordFilter::read(&filter).unwrap().limited_to(&indexed);
            assert_eq!(limited.matches(&metadata), passes, "{filter}");
        }
    }

    #[test]
    fn the_longest_set_is_found() {
        let filter =
            json!({"$or": [{"a": {"$in": [1, 2]}}, {"b": {"$nin": [1, 2, 3]}, "c": {"$gt": 1}}]});
        assert_eq!(RecordFilter::read(&filter).unwrap().longest_set(), 3);
        let filter = json!({"c": {"$exists": true}});
        assert_eq!(RecordFilter::read(&filter).unwrap().longest_set(), 0);
    }

    #[test]
    fn fields_are_named_once() {
        let filter = json!({"$or": [{"a": 1}, {"b": {"$gt": 1}, "a": 2}]});
        let filter = RecordFilter::read(&filter).unwrap();
        assert_eq!(filter.fields().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
