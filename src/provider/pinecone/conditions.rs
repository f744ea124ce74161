use crate::model::Filter;
use crate::model::filter::{Order, Scalar, Test};

/// Metadata conditions that must all hold, each on one field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions(Vec<Filter>);

impl Conditions {
    /// Adds that `field` is there, or is not.
    pub fn exists(&self, field: &str, wanted: bool) -> Self {
        let there = Filter::field(field, Test::Exists);
        self.and(if wanted { there } else { there.negated() })
    }

    /// Adds that `field` has one of these values.
    pub fn within(&self, field: &str, values: Vec<Scalar>) -> Self {
        self.and(Filter::field(field, Test::In(values)))
    }

    /// Adds that `field` has none of these values.
    pub fn without(&self, field: &str, values: Vec<Scalar>) -> Self {
        self.and(Filter::field(field, Test::In(values)).negated())
    }

    /// Adds that `field` is a number that stands so to `bound`.
    pub fn compare(&self, field: &str, order: Order, bound: f64) -> Self {
        self.and(Filter::field(field, Test::Compare(order, bound)))
    }

    fn and(&self, condition: Filter) -> Self {
        let mut all = self.0.clone();
        all.push(condition);
        Self(all)
    }

    /// Returns the conditions as a filter; `None` if there are none.
    pub fn filter(&self) -> Option<Filter> {
        match self.0.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            all => Some(Filter::All(all.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::pinecone::filter::render;

    #[test]
    fn conditions_become_one_filter() {
        let none = Conditions::default();
        assert_eq!(none.filter(), None);
        let one = none.compare("year", Order::Less, 2020.5);
        let sent = |conditions: &Conditions| render(&conditions.filter().unwrap()).unwrap();
        assert_eq!(sent(&one), json!({"year": {"$lt": 2020.5}}));
        let words = ["a", "b"].map(|word| Scalar::Text(word.to_owned()));
        let two = one.within("kind", words.to_vec()).exists("x", false);
        let all = json!({"$and": [
            {"year": {"$lt": 2020.5}}, {"kind": {"$in": ["a", "b"]}}, {"x": {"$exists": false}}
        ]});
        assert_eq!(sent(&two), all);
    }
}
