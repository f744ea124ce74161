//! What a table gives back of a record that it takes.

use std::borrow::Cow;

use half::f16;
use jiff::Timestamp;

use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use crate::model::{AnyVector, FieldName, Metadata, Record, Value, Vector, VectorName};

/// Returns the record as the table gives it back: halves for floats where its column holds those, a time in UTC, a zero
/// without a sign where the server's numbers have none.
pub(super) fn kept<'a>(mapping: &Mapping, record: &'a Record) -> Cow<'a, Record> {
    let mut kept = Cow::Borrowed(record);
    for (name, vector) in record.vectors.iter() {
        if let Some(vector) = kept_vector(mapping, name, vector) {
            kept.to_mut().vectors.put(name.clone(), vector);
        }
    }
    if let Some(metadata) = kept_metadata(mapping, &record.metadata) {
        kept.to_mut().metadata = metadata;
    }
    kept
}

fn kept_vector(mapping: &Mapping, name: &VectorName, vector: &AnyVector) -> Option<Vector> {
    let dense_of = |column: &Column| match (column.kind, vector) {
        (Kind::Halfvec, AnyVector::Dense(dense)) => Some(dense),
        _ => None,
    };
    let dense = mapping.place(name, vector).and_then(dense_of)?;
    let halves = Vector::from_values(dense.values().map(|value| f16::from_f32(value).to_f32()));
    (halves != *dense).then_some(halves)
}

fn kept_metadata(mapping: &Mapping, metadata: &Metadata) -> Option<Metadata> {
    let kind_of = |name: &str| {
        let column = mapping.fields.iter().find(|column| column.name == name);
        column.or(mapping.json.as_ref()).map(|column| column.kind)
    };
    let changed: Vec<(&FieldName, Value)> = metadata
        .0
        .iter()
        .filter_map(|(name, value)| Some((name, kept_value(kind_of(name)?, value)?)))
        .collect();
    if changed.is_empty() {
        return None;
    }
    let mut kept = metadata.clone();
    for (name, value) in changed {
        kept.0.insert(name.clone(), value);
    }
    Some(kept)
}

/// Returns what a column of this kind makes of a value; `None` if it stays what it is.
fn kept_value(kind: Kind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (Kind::Timestamptz, Value::Time(text) | Value::Text(text)) => {
            let instant: Timestamp = text.parse().ok()?;
            let kept = instant.to_string();
            (kept != *text).then_some(Value::Time(kept.into()))
        }
        (Kind::Numeric | Kind::Jsonb, value) => without_sign(value),
        _ => None,
    }
}

/// Returns a value whose zeros have no sign, since those of `numeric` have none; `None` if it has no such zero.
fn without_sign(value: &Value) -> Option<Value> {
    match value {
        Value::List(items) if items.iter().any(|item| without_sign(item).is_some()) => {
            let item = |item: &Value| without_sign(item).unwrap_or_else(|| item.clone());
            Some(Value::List(items.iter().map(item).collect()))
        }
        Value::Map(members) if members.values().any(|one| without_sign(one).is_some()) => {
            let member = |(name, value): (&FieldName, &Value)| {
                (name.clone(), without_sign(value).unwrap_or_else(|| value.clone()))
            };
            Some(Value::Map(members.iter().map(member).collect()))
        }
        number => number.unsigned_zero(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_as_a_moment_and_a_zero_without_its_sign() {
        let time = |text: &str| kept_value(Kind::Timestamptz, &Value::Time(text.into()));
        assert_eq!(
            time("2026-01-01T01:00:00.250+01:00"),
            Some(Value::Time("2026-01-01T00:00:00.25Z".into()))
        );
        assert_eq!(time("2026-01-01T00:00:00Z"), None);
        assert_eq!(time("infinity"), None);
        let zeros = Value::List(vec![Value::F64(-0.0), Value::I64(1)]);
        let Some(Value::List(kept)) = kept_value(Kind::Jsonb, &zeros) else { panic!() };
        assert!(kept[0].is_identical(&Value::F64(0.0)) && kept[1] == Value::I64(1));
        let Some(kept) = kept_value(Kind::Numeric, &Value::Decimal("-0.00".into())) else {
            panic!()
        };
        assert!(kept.is_identical(&Value::Decimal("0.00".into())));
        assert_eq!(kept_value(Kind::Json, &Value::Decimal("-0.00".into())), None);
        assert_eq!(kept_value(Kind::Float8, &Value::F64(-0.0)), None);
        assert_eq!(kept_value(Kind::Jsonb, &Value::F64(0.0)), None);
    }
}
