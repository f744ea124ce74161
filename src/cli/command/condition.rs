//! Conditions on metadata from the command line: `--where FIELD=VALUE` and `--holds FIELD=VALUE`.
//!
//! A value on the command line has no type: `7` matches text and numbers, `"7"` in double quotes only text.

use serde_json::{Value, json};

/// Returns the values that an argument can stand for.
fn values(word: &str) -> Vec<Value> {
    match serde_json::from_str(word) {
        Ok(Value::String(text)) => vec![json!(text)],
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => vec![json!(word), value],
        _ => vec![json!(word)],
    }
}

/// Combines all conditions into a filter; `None` if there are none.
pub fn filter(conditions: &[(String, String)]) -> Option<Value> {
    let test = |(field, word): &(String, String)| {
        let equal = |value: Value| json!({ field: { "$eq": value } });
        let mut any: Vec<_> = values(word).into_iter().map(equal).collect();
        match any.len() {
            1 => any.swap_remove(0),
            _ => json!({ "$or": any }),
        }
    };
    match conditions {
        [] => None,
        [only] => Some(test(only)),
        several => Some(json!({ "$and": several.iter().map(test).collect::<Vec<_>>() })),
    }
}

/// Explains the conditions: which values of which types match, and how lists are treated.
pub fn describe(wheres: &[(String, String)], holds: &[(String, String)]) -> Option<String> {
    let types = |word: &str| {
        let values = values(word).into_iter().map(|value| match value {
            Value::String(text) => format!("the text \"{text}\""),
            Value::Number(number) => format!("the number {number}"),
            other => other.to_string(),
        });
        values.collect::<Vec<_>>().join(" or ")
    };
    let is = wheres.iter().map(|(field, word)| format!("{field} is {}", types(word)));
    let has = holds
        .iter()
        .map(|(field, word)| format!("{field} is {0}, or a list that holds it", types(word)));
    let all: Vec<_> = is.chain(has).collect();
    let lists = if wheres.is_empty() { "" } else { "; lists that hold it are left (--holds)" };
    (!all.is_empty()).then(|| format!("Matches where {}{lists}.", all.join(", and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn a_value_is_looked_for_in_every_type_it_can_have() {
        let of = |text: &[(&str, &str)]| filter(&pairs(text));
        assert_eq!(of(&[("creator_id", "a7")]), Some(json!({"creator_id": {"$eq": "a7"}})));
        assert_eq!(
            of(&[("creator_id", "7")]),
            Some(json!({"$or": [{"creator_id": {"$eq": "7"}}, {"creator_id": {"$eq": 7}}]}))
        );
        assert_eq!(of(&[("creator_id", "\"7\"")]), Some(json!({"creator_id": {"$eq": "7"}})));
        assert_eq!(
            of(&[("a", "x"), ("b", "y")]),
            Some(json!({"$and": [{"a": {"$eq": "x"}}, {"b": {"$eq": "y"}}]}))
        );
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn what_matches_is_said_with_its_type() {
        let said = describe(&pairs(&[("owner", "1")]), &pairs(&[("tag", "x")])).unwrap();
        assert_eq!(
            said,
            "Matches where owner is the text \"1\" or the number 1, and tag is the text \"x\", or a list that holds it; lists that hold it are left (--holds)."
        );
        assert_eq!(describe(&[], &[]), None);
    }
}
