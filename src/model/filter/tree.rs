use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Metadata, Value};

/// What is asked of a record's metadata.
///
/// A list passes a test when one of its items does, but for [`Test::Is`]. A field that is missing, or null, passes no
/// test, so that [`Filter::Not`] of any test passes it. Types are never converted: `"2020"` is not `2020`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    /// Every one of these; of none, everything passes.
    All(Vec<Filter>),
    /// At least one of these; of none, nothing passes.
    Any(Vec<Filter>),
    /// What does not pass.
    Not(Box<Filter>),
    Field {
        name: String,
        test: Test,
    },
}

/// What is asked of a value that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// It is there.
    Exists,
    /// It equals one of these.
    In(Vec<Scalar>),
    /// The value itself equals one of these; a list that contains it does not.
    Is(Vec<Scalar>),
    /// It is a number that stands so to the bound.
    Compare(Order, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A value to compare with. Numbers are compared as 64-bit floats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Filter {
    pub fn field(name: impl Into<String>, test: Test) -> Self {
        Self::Field { name: name.into(), test }
    }

    /// A filter that asks a field to equal a value.
    pub fn equals(name: impl Into<String>, value: Scalar) -> Self {
        Self::field(name, Test::In(vec![value]))
    }

    /// Both filters.
    pub fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// What does not pass this filter.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns whether a record with this metadata passes.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(metadata)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(metadata)),
            Self::Not(part) => !part.matches(metadata),
            Self::Field { name, test } => {
                // An index does not keep nulls.
                metadata.get(name).is_some_and(|value| *value != Value::Null && test.holds(value))
            }
        }
    }

    /// Returns whether it has no test, so that it would choose everything or nothing.
    pub fn asks_nothing(&self) -> bool {
        self.fields().is_empty()
    }

    /// Returns the fields it looks at, each once, in order.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.each(&mut |name, _| {
            found.insert(name);
        });
        found
    }

    /// Returns the number of values in its longest list of values to compare with.
    pub fn longest_set(&self) -> usize {
        let mut longest = 0;
        self.each(&mut |_, test| {
            if let Test::In(wanted) | Test::Is(wanted) = test {
                longest = longest.max(wanted.len());
            }
        });
        longest
    }

    /// Returns the same filter with strict equality for these fields: a list does not pass because of one of its
    /// items. What is asked not to be so stays as it is, so that no more records pass.
    pub fn literally(self, fields: &[String]) -> Self {
        let each =
            |parts: Vec<Self>| parts.into_iter().map(|part| part.literally(fields)).collect();
        match self {
            Self::All(parts) => Self::All(each(parts)),
            Self::Any(parts) => Self::Any(each(parts)),
            Self::Field { name, test: Test::In(wanted) } if fields.contains(&name) => {
                Self::field(name, Test::Is(wanted))
            }
            other => other,
        }
    }

    /// Returns the filter as an index sees it that knows only `indexed` fields: the others are absent.
    pub fn limited_to(self, indexed: &[String]) -> Self {
        self.replaced(&|name, test| match indexed.contains(&name) {
            true => Self::field(name, test),
            false => Self::Any(Vec::new()),
        })
    }

    fn each<'a>(&'a self, look: &mut impl FnMut(&'a str, &'a Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(look)),
            Self::Not(part) => part.each(look),
            Self::Field { name, test } => look(name, test),
        }
    }

    fn replaced(self, by: &impl Fn(String, Test) -> Self) -> Self {
        let each = |parts: Vec<Self>| parts.into_iter().map(|part| part.replaced(by)).collect();
        match self {
            Self::All(parts) => Self::All(each(parts)),
            Self::Any(parts) => Self::Any(each(parts)),
            Self::Not(part) => part.replaced(by).negated(),
            Self::Field { name, test } => by(name, test),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::In(wanted) => any_item(value, |item| wanted.iter().any(|one| one.equals(item))),
            Self::Is(wanted) => wanted.iter().any(|one| one.equals(value)),
            Self::Compare(order, bound) => {
                any_item(value, |item| item.compare(*bound).is_some_and(|found| order.holds(found)))
            }
        }
    }
}

fn any_item(value: &Value, test: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::List(items) => items.iter().any(test),
        value => test(value),
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
    /// Returns what a filter can compare with; `None` for null, times, lists, objects, bytes, and numbers that no
    /// finite float keeps.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Text(text) => Some(Self::Text(text.to_string())),
            number => number.as_f64().filter(|number| number.is_finite()).map(Self::Number),
        }
    }

    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Text(a), Value::Text(b) | Value::Time(b)) => a == b,
            (Self::Number(a), number) => number.compare(*a).is_some_and(Ordering::is_eq),
            _ => false,
        }
    }
}
