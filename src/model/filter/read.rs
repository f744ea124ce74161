//! The notation of filters that plans and requests share, read into a tree.
//!
//! `$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or`; a bare value is `$eq`. `$ne` and `$nin` are the exact opposites
//! of `$eq` and `$in`, so that a record without the field passes them.

use serde_json::{Map, Value as Json};

use super::tree::{Filter, Order, Scalar, Test};
use crate::model::Value;

/// A mistake in a filter, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterProblem {
    /// JSON pointer into the filter.
    pub pointer: String,
    /// True if the mistake is the key there, not its value.
    pub is_key: bool,
    pub message: String,
}

type Read<T> = Result<T, FilterProblem>;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first mistake; an empty object is one, as it would exclude nothing.
    pub fn read(value: &Json) -> Read<Self> {
        object(value, "").and_then(|fields| all_of(fields, ""))
    }
}

fn object<'a>(value: &'a Json, at: &str) -> Read<&'a Map<String, Json>> {
    match value.as_object() {
        Some(fields) if !fields.is_empty() => Ok(fields),
        Some(_) => Err(problem(at, "an empty filter asks nothing")),
        None => Err(problem(at, "a filter is a mapping of fields to what is asked of them")),
    }
}

fn all_of(fields: &Map<String, Json>, at: &str) -> Read<Filter> {
    let mut rules = Vec::new();
    for (key, value) in fields {
        let here = below(at, key);
        match key.as_str() {
            "$and" => rules.push(Filter::All(branches(value, key, &here)?)),
            "$or" => rules.push(Filter::Any(branches(value, key, &here)?)),
            operator if operator.starts_with('$') => {
                let message = format!(
                    "`{operator}` does not stand at the top of a filter: name a field, or use `$and` or `$or`"
                );
                return Err(FilterProblem { is_key: true, ..problem(&here, message) });
            }
            name => field(name, value, &here, &mut rules)?,
        }
    }
    match <[Filter; 1]>::try_from(rules) {
        Ok([only]) => Ok(only),
        Err(rules) => Ok(Filter::All(rules)),
    }
}

fn branches(value: &Json, operator: &str, at: &str) -> Read<Vec<Filter>> {
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

fn field(name: &str, value: &Json, at: &str, rules: &mut Vec<Filter>) -> Read<()> {
    let Json::Object(tests) = value else {
        rules.push(Filter::equals(name, scalar("$eq", value, at)?));
        return Ok(());
    };
    if tests.is_empty() {
        return Err(problem(at, format!("nothing is asked of `{name}`")));
    }
    for (operator, operand) in tests {
        let (test, is_meant) = test(operator, operand, &below(at, operator))?;
        let asked = Filter::field(name, test);
        rules.push(if is_meant { asked } else { asked.negated() });
    }
    Ok(())
}

/// Reads a test, and whether it has to hold.
fn test(operator: &str, operand: &Json, at: &str) -> Read<(Test, bool)> {
    let compare = |order| match operand {
        Json::Number(_) => Ok((Test::Compare(order, number(operand, at)?), true)),
        _ => Err(wrong_operand(operator, "a number", at)),
    };
    match operator {
        "$eq" | "$ne" => Ok((Test::In(vec![scalar(operator, operand, at)?]), operator == "$eq")),
        "$in" | "$nin" => Ok((Test::In(set(operator, operand, at)?), operator == "$in")),
        "$gt" => compare(Order::Greater),
        "$gte" => compare(Order::GreaterOrEqual),
        "$lt" => compare(Order::Less),
        "$lte" => compare(Order::LessOrEqual),
        "$exists" => match operand {
            Json::Bool(wanted) => Ok((Test::Exists, *wanted)),
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
    use crate::model::Metadata;
    use serde_json::json;

    fn matches(filter: Json) -> bool {
        let metadata = json!({
            "genre": "drama", "year": 2020, "seen": true, "tags": ["a", "b"], "gone": null
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        Filter::read(&filter).unwrap().matches(&metadata)
    }

    #[test]
    fn to_the_letter_a_list_is_none_of_its_items() {
        let filter = json!({"$or": [{"owner": {"$eq": "1"}}, {"owner": {"$eq": 1}}]});
        let loose = Filter::read(&filter).unwrap();
        let strict = loose.clone().literally(&["owner".to_owned()]);
        let passes = |filter: &Filter, owner: serde_json::Value| {
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
        // What is asked not to be so would pass more.
        let not = Filter::read(&json!({"owner": {"$ne": "1"}})).unwrap();
        let strict = not.clone().literally(&["owner".to_owned()]);
        assert!(!passes(&strict, json!(["1", "2"])) && passes(&strict, json!("2")));
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
            let found = Filter::read(&filter).unwrap_err();
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
            let limited = Filter::read(&filter).unwrap().limited_to(&indexed);
            assert_eq!(limited.matches(&metadata), passes, "{filter}");
        }
    }

    #[test]
    fn the_longest_set_is_found() {
        let filter =
            json!({"$or": [{"a": {"$in": [1, 2]}}, {"b": {"$nin": [1, 2, 3]}, "c": {"$gt": 1}}]});
        assert_eq!(Filter::read(&filter).unwrap().longest_set(), 3);
        let filter = json!({"c": {"$exists": true}});
        assert_eq!(Filter::read(&filter).unwrap().longest_set(), 0);
    }

    #[test]
    fn fields_are_named_once() {
        let filter = json!({"$or": [{"a": 1}, {"b": {"$gt": 1}, "a": 2}]});
        let filter = Filter::read(&filter).unwrap();
        assert_eq!(filter.fields().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
