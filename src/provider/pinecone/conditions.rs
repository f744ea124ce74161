use serde_json::{Value, json};

use crate::store::Filter;

/// Metadata conditions that must all hold, each on one field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions(Vec<Value>);

impl Conditions {
    /// Adds the condition `operator value` on `field`.
    pub fn and(&self, field: &str, operator: &str, value: impl Into<Value>) -> Self {
        let mut all = self.0.clone();
        all.push(json!({ field: { operator: value.into() } }));
        Self(all)
    }

    /// Returns the conditions as a filter; `None` if there are none.
    pub fn filter(&self) -> Option<Filter> {
        match self.0.as_slice() {
            [] => None,
            [one] => Some(Filter(one.clone())),
            all => Some(Filter(json!({ "$and": all }))),
        }
    }
}

/// Formats as `kind $in ["a"] and year $lt 2020`.
impl std::fmt::Display for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, condition) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            let (field, test) = only(condition);
            let (operator, value) = only(test);
            match value.as_array().map(Vec::len) {
                Some(count) if count > 3 => write!(f, "{field} {operator} {count} values")?,
                _ => write!(f, "{field} {operator} {value}")?,
            }
        }
        Ok(())
    }
}

/// Returns the single member of an object built by [`Conditions::and`].
fn only(object: &Value) -> (&str, &Value) {
    let member = object.as_object().and_then(|members| members.iter().next());
    member.map_or(("", &Value::Null), |(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_become_one_filter() {
        let none = Conditions::default();
        assert_eq!(none.filter(), None);
        let one = none.and("year", "$lt", 2020.5);
        assert_eq!(one.filter().unwrap().0, json!({"year": {"$lt": 2020.5}}));
        let two = one.and("kind", "$in", vec!["a", "b"]);
        let both = json!({"$and": [{"year": {"$lt": 2020.5}}, {"kind": {"$in": ["a", "b"]}}]});
        assert_eq!(two.filter().unwrap().0, both);
        assert_eq!(two.to_string(), r#"year $lt 2020.5 and kind $in ["a","b"]"#);
    }
}
