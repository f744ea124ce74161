//! Filters in the service's own language, which is JSON.
//!
//! It has no `not`: what is negated is said by the opposite operator, and further in by the laws of De Morgan. What has no
//! opposite, and what the language has no word for, is refused with its place before anything is sent.

use serde_json::{Map, Number, Value as Json, json};

use crate::error::{Error, Result};
use crate::model::Filter;
use crate::model::filter::{Order, Scalar, Test};
use crate::pinecone_wire::limits::SET_VALUES;

/// Renders a filter.
///
/// # Errors
/// `Unsupported`, with the node in words and the place where it would stand.
pub fn render(filter: &Filter) -> Result<Json> {
    said(filter, true, "")
}

/// A node, or its negation if it `has` not to hold, at the JSON pointer `at`.
fn said(filter: &Filter, has: bool, at: &str) -> Result<Json> {
    match (filter, has) {
        (Filter::Not(part), has) => said(part, !has, at),
        (Filter::All(parts), true) | (Filter::Any(parts), false) => {
            joined("$and", filter, parts, has, at)
        }
        (Filter::Any(parts), true) | (Filter::All(parts), false) => {
            joined("$or", filter, parts, has, at)
        }
        (Filter::Field { name, test }, has) => {
            let asked = match name.starts_with('$') {
                true => Err("a field that is called like an operator"),
                false => operation(test, has),
            };
            let (operator, operand) = asked.map_err(|why| unsaid(filter, has, at, why))?;
            Ok(json!({ name: { operator: operand } }))
        }
    }
}

fn joined(word: &str, whole: &Filter, parts: &[Filter], has: bool, at: &str) -> Result<Json> {
    if parts.is_empty() {
        return Err(unsaid(whole, has, at, "a condition that asks nothing"));
    }
    let said = |(index, part)| said(part, has, &format!("{at}/{word}/{index}"));
    let parts: Vec<Json> = parts.iter().enumerate().map(said).collect::<Result<_>>()?;
    Ok(Json::Object(Map::from_iter([(word.to_owned(), Json::Array(parts))])))
}

fn operation(test: &Test, has: bool) -> Result<(&'static str, Json), &'static str> {
    match test {
        Test::Exists => Ok(("$exists", Json::from(has))),
        Test::In(wanted) if wanted.len() > SET_VALUES => Err("a set of more than 10,000 values"),
        Test::In(wanted) => {
            let values = wanted.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            let [one, set] = if has { ["$eq", "$in"] } else { ["$ne", "$nin"] };
            Ok(match <[Json; 1]>::try_from(values) {
                Ok([only]) => (one, only),
                Err(values) => (set, Json::Array(values)),
            })
        }
        Test::Is(_) => Err("an equality that a list with the value does not pass"),
        // What is not greater may be no number at all.
        Test::Compare(..) if !has => Err("the opposite of a comparison"),
        Test::Compare(order, bound) => {
            let operator = match order {
                Order::Greater => "$gt",
                Order::GreaterOrEqual => "$gte",
                Order::Less => "$lt",
                Order::LessOrEqual => "$lte",
            };
            Ok((operator, number(*bound)?))
        }
    }
}

fn value(scalar: &Scalar) -> Result<Json, &'static str> {
    match scalar {
        Scalar::Bool(value) => Ok(Json::from(*value)),
        Scalar::Text(text) => Ok(Json::from(text.as_str())),
        Scalar::Number(value) => number(*value),
    }
}

fn number(value: f64) -> Result<Json, &'static str> {
    /// The largest power of two up to which a float is every whole number.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < WHOLE && value.to_bits() != (-0.0_f64).to_bits() {
        return Ok(Json::from(value as i64));
    }
    Number::from_f64(value).map(Json::Number).ok_or("a number that is none")
}

fn unsaid(node: &Filter, has: bool, at: &str, what: &str) -> Error {
    let node = if has { node.clone() } else { node.clone().negated() };
    let place = if at.is_empty() { "its top" } else { at };
    Error::unsupported(format!("a filter here cannot say `{node}`: it has no word for {what}"))
        .with_context("filter", place)
}

/// A filter in a journal is the JSON that is sent.
pub(super) mod kept {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{Filter, Json, render};

    pub fn serialize<S: Serializer>(filter: &Filter, to: S) -> Result<S::Ok, S::Error> {
        render(filter).map_err(S::Error::custom)?.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Filter, D::Error> {
        Filter::read(&Json::deserialize(from)?).map_err(|problem| D::Error::custom(problem.message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::model::Metadata;

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            any::<bool>().prop_map(Scalar::Bool),
            "[a-c]{0,2}".prop_map(Scalar::Text),
            prop_oneof![(-3..4_i32).prop_map(f64::from), any::<f64>()]
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(Scalar::Number),
        ]
    }

    fn order() -> impl Strategy<Value = Order> {
        use Order::{Greater, GreaterOrEqual, Less, LessOrEqual};
        prop::sample::select(vec![Greater, GreaterOrEqual, Less, LessOrEqual])
    }

    fn test() -> impl Strategy<Value = Test> {
        prop_oneof![
            Just(Test::Exists),
            vec(scalar(), 0..4).prop_map(Test::In),
            (order(), -3..4_i32).prop_map(|(order, bound)| Test::Compare(order, bound.into())),
        ]
    }

    /// Every filter that the language has a word for, `not` only where it has.
    fn sayable() -> impl Strategy<Value = Filter> {
        let field = ("[a-c~/]{0,2}", test(), any::<bool>());
        let leaf = field.prop_map(|(name, test, is_negated)| {
            let is_negated = is_negated && !matches!(test, Test::Compare(..));
            let asked = Filter::field(name, test);
            if is_negated { asked.negated() } else { asked }
        });
        leaf.prop_recursive(3, 16, 3, |inner| {
            (any::<bool>(), vec(inner, 1..4)).prop_map(|(is_all, parts)| match is_all {
                true => Filter::All(parts),
                false => Filter::Any(parts),
            })
        })
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let strict = ("[a-c]", vec(scalar(), 0..2))
            .prop_map(|(name, wanted)| Filter::field(name, Test::Is(wanted)));
        let leaf = prop_oneof![8 => sayable(), 1 => strict];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Filter::All),
                vec(inner.clone(), 0..3).prop_map(Filter::Any),
                inner.prop_map(Filter::negated),
            ]
        })
    }

    fn metadata() -> impl Strategy<Value = Metadata> {
        let value = prop_oneof![
            Just(json!(null)),
            scalar().prop_map(|scalar| value(&scalar).unwrap()),
            vec("[a-c]", 0..3).prop_map(|list| json!(list)),
        ];
        prop::collection::btree_map("[a-c]", value, 0..4)
            .prop_map(|fields| serde_json::from_value(json!(fields)).unwrap())
    }

    proptest! {
        #[test]
        fn what_is_sent_reads_as_the_same_filter(filter in sayable()) {
            prop_assert_eq!(Filter::read(&render(&filter).unwrap()).unwrap(), filter);
        }

        #[test]
        fn what_can_be_said_of_any_filter_chooses_the_same_records(
            filter in any_filter(),
            records in vec(metadata(), 8),
        ) {
            match render(&filter) {
                Ok(sent) => {
                    let read = Filter::read(&sent).unwrap();
                    for record in records {
                        prop_assert_eq!(read.matches(&record), filter.matches(&record), "{}", sent);
                    }
                }
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Unsupported),
            }
        }
    }

    #[test]
    fn what_has_no_word_is_refused_with_its_place() {
        let strict = Filter::field("owner", Test::Is(vec![Scalar::Text("x".to_owned())]));
        let fine = Filter::equals("a", Scalar::Bool(true));
        let below = Filter::field("n", Test::Compare(Order::Less, 1.0)).negated();
        let large = Test::In(vec![Scalar::Bool(true); SET_VALUES + 1]);
        for (filter, place, part) in [
            (strict.clone(), "its top", "owner is itself \"x\""),
            (fine.clone().and(Filter::Any(vec![strict])), "/$and/1/$or/0", "owner"),
            (fine.and(below), "/$and/1", "not (n < 1)"),
            (Filter::All(Vec::new()), "its top", "everything"),
            (Filter::field("$x", Test::Exists), "its top", "operator"),
            (Filter::field("x", large), "its top", "10,000"),
            (Filter::equals("x", Scalar::Number(f64::NAN)), "its top", "NaN"),
        ] {
            let error = render(&filter).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains(part), "{}", error.message());
            assert!(error.context().contains(&("filter", place.into())), "{error:?}");
        }
    }
}
