//! Filters as the service takes them.

use serde_json::{Map, Value};

use crate::model::{Filter, FilterProblem};
use crate::pinecone_wire::limits::SET_VALUES;

use super::error::{Answer, Refusal};

/// Reads a filter; `None` for an empty object, which asks nothing.
pub(crate) fn read(value: &Value) -> Answer<Option<Filter>> {
    if value.as_object().is_some_and(Map::is_empty) {
        return Ok(None);
    }
    let filter = Filter::read(value).map_err(|problem| refusal(&problem))?;
    let longest = filter.longest_set();
    if longest > SET_VALUES {
        let message = format!("$in and $nin take at most {SET_VALUES} values, got {longest}");
        return Err(Refusal::invalid(message));
    }
    Ok(Some(filter))
}

fn refusal(problem: &FilterProblem) -> Refusal {
    let place = match problem.pointer.as_str() {
        "" => "its top",
        pointer => pointer,
    };
    Refusal::invalid(format!("Invalid filter at {place}: {}", problem.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_malformed_is_refused_with_its_place() {
        for (filter, part) in [
            (json!([]), "at its top"),
            (json!({"$not": {}}), "/$not"),
            (json!({"a": {"$like": "x"}}), "/a/$like"),
            (json!({"a": null}), "/a"),
            (json!({"$or": [{}]}), "/$or/0"),
            (json!({"a": {"$in": vec![1; 10_001]}}), "10001"),
        ] {
            let refusal = read(&filter).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
        assert!(read(&json!({"a": {"$in": vec![1; 10_000]}})).is_ok());
        assert_eq!(read(&json!({})).unwrap(), None);
    }
}
