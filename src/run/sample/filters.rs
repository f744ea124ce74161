//! Builds metadata filters from values that records really have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;

use super::records::Sampled;
use crate::copy::Transform;
use crate::model::filter::{Order, Scalar, Test};
use crate::model::{Filter, Namespace, Value};
use crate::store::Search;

/// The most values remembered per field and namespace.
const MOST_VALUES: usize = 50;
/// The longest string used in a filter; longer ones are texts, which nobody filters by.
const LONGEST_STRING: usize = 64;
/// The most values in an `$in`.
const IN_VALUES: usize = 4;

/// The forms of filters, used in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Equal,
    In,
    Range,
    Combined,
}

const SHAPES: [Shape; 4] = [Shape::Equal, Shape::In, Shape::Range, Shape::Combined];

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Equal => "$eq",
            Self::In => "$in",
            Self::Range => "range",
            Self::Combined => "combined",
        }
    }
}

/// Builds filters for sampled records; each filter matches at least its own record on both sides.
///
/// Only fields that the copy changed in no sampled record are used, since a filter must mean the same on both sides.
pub(super) struct Filters {
    /// Values in the order in which they were seen.
    values: BTreeMap<(Namespace, String), Vec<Scalar>>,
    /// Fields that cannot be filtered by on both sides.
    unusable: BTreeSet<String>,
    /// The only fields the source can filter by; `None` for all.
    filterable: Option<BTreeSet<String>>,
    /// What the filters are asked of.
    sides: Vec<Arc<dyn Search>>,
    turn: usize,
    made: BTreeMap<&'static str, u64>,
}

impl Filters {
    /// `sides` are those that are asked: no filter is built that one of them cannot say.
    pub fn new(
        sampled: &[Sampled],
        transform: &Transform,
        filterable: Option<&[String]>,
        sides: Vec<Arc<dyn Search>>,
    ) -> Self {
        let mut filters = Self {
            sides,
            values: BTreeMap::new(),
            unusable: BTreeSet::new(),
            filterable: filterable.map(|fields| fields.iter().cloned().collect()),
            turn: 0,
            made: BTreeMap::new(),
        };
        for Sampled { mapping, record } in sampled {
            let Some(arrived) = transform.change(&mapping.source, record.clone()).kept() else {
                continue;
            };
            let arrived = arrived.metadata.0;
            let names = record.metadata.0.keys().chain(arrived.keys());
            let changed = names.filter(|name| record.metadata.get(name) != arrived.get(name));
            filters.unusable.extend(changed.map(|name| name.to_string()));
            for (field, value) in &record.metadata.0 {
                filters.remember(&mapping.source, field, value);
            }
        }
        filters
    }

    fn remember(&mut self, namespace: &Namespace, field: &str, value: &Value) {
        let seen = self.values.entry((namespace.clone(), field.to_owned())).or_default();
        let items = match value {
            Value::List(items) => items.as_slice(),
            value => std::slice::from_ref(value),
        };
        for item in items.iter().filter_map(short) {
            if seen.len() < MOST_VALUES && !seen.contains(&item) {
                seen.push(item);
            }
        }
    }

    /// The number of filters built of each form.
    pub fn made(&self) -> &BTreeMap<&'static str, u64> {
        &self.made
    }

    /// Builds a filter that matches `sampled`; `None` if it has no usable field. Forms are used in turn.
    pub fn next(&mut self, sampled: &Sampled, rng: &mut StdRng) -> Option<Filter> {
        let fields = self.fields(sampled);
        for attempt in 0..SHAPES.len() {
            let shape = SHAPES[(self.turn + attempt) % SHAPES.len()];
            let made = self.make(shape, sampled, &fields, rng);
            let is_said = |filter: &Filter| self.sides.iter().all(|side| side.says(filter).is_ok());
            if let Some(filter) = made.filter(is_said) {
                self.turn += attempt + 1;
                *self.made.entry(shape.name()).or_default() += 1;
                return Some(filter);
            }
        }
        None
    }

    /// Returns the record's usable fields, with a value of each.
    fn fields<'a>(&self, sampled: &'a Sampled) -> Vec<(&'a str, Scalar)> {
        let can_ask = |field: &str| {
            !self.unusable.contains(field)
                && !field.starts_with('$')
                && self.filterable.as_ref().is_none_or(|fields| fields.contains(field))
        };
        let fields = sampled.record.metadata.0.iter().filter(|(field, _)| can_ask(field));
        fields
            .filter_map(|(field, value)| {
                let value = match value {
                    Value::List(items) => items.iter().find_map(short),
                    value => short(value),
                };
                Some((field.as_str(), value?))
            })
            .collect()
    }

    fn make(
        &self,
        shape: Shape,
        sampled: &Sampled,
        fields: &[(&str, Scalar)],
        rng: &mut StdRng,
    ) -> Option<Filter> {
        let namespace = &sampled.mapping.source;
        let one = |rng: &mut StdRng, count: usize| (count > 0).then(|| rng.random_range(0..count));
        match shape {
            Shape::Equal => {
                let (field, value) = &fields[one(rng, fields.len())?];
                Some(Filter::equals(*field, value.clone()))
            }
            Shape::In => {
                let (field, value) = &fields[one(rng, fields.len())?];
                let others = self.values.get(&(namespace.clone(), (*field).to_owned()))?;
                let others = others.iter().filter(|other| *other != value);
                let values: Vec<_> = others.take(IN_VALUES - 1).chain([value]).cloned().collect();
                (values.len() > 1 && !matches!(value, Scalar::Bool(_)))
                    .then(|| Filter::field(*field, Test::In(values)))
            }
            Shape::Range => {
                let numbers: Vec<_> = fields
                    .iter()
                    .filter_map(|(field, value)| match value {
                        Scalar::Number(from) => Some((*field, *from)),
                        Scalar::Bool(_) | Scalar::Text(_) => None,
                    })
                    .collect();
                let (field, from) = numbers[one(rng, numbers.len())?];
                Some(self.range(namespace, field, from))
            }
            Shape::Combined => {
                let first = one(rng, fields.len())?;
                let second = one(rng, fields.len() - 1)?;
                let second = if second < first { second } else { second + 1 };
                let part = |at: usize| match &fields[at] {
                    (field, Scalar::Number(from)) => self.range(namespace, field, *from),
                    (field, value) => Filter::equals(*field, value.clone()),
                };
                Some(part(first).and(part(second)))
            }
        }
    }

    /// Builds a range from the record's number to the next larger ones seen, open above if there are none.
    fn range(&self, namespace: &Namespace, field: &str, from: f64) -> Filter {
        let seen = self.values.get(&(namespace.clone(), field.to_owned()));
        let mut above: Vec<f64> = seen
            .into_iter()
            .flatten()
            .filter_map(|value| match value {
                Scalar::Number(number) if *number > from => Some(*number),
                _ => None,
            })
            .collect();
        above.sort_by(f64::total_cmp);
        let bound = |order, bound| Filter::field(field, Test::Compare(order, bound));
        let lower = bound(Order::GreaterOrEqual, from);
        match above.get(above.len() / 2) {
            Some(to) => lower.and(bound(Order::LessOrEqual, *to)),
            None => lower,
        }
    }
}

/// What filters can compare with a value: a short string, a number or a boolean.
fn short(value: &Value) -> Option<Scalar> {
    let scalar = Scalar::of(value)?;
    let is_long = matches!(&scalar, Scalar::Text(text) if text.len() > LONGEST_STRING);
    (!is_long).then_some(scalar)
}
