//! Columns of a batch as metadata: what each type becomes. A null is a missing field.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, MapArray};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::columns::{floats, uuid, whole_numbers, wrong};
use crate::error::{Error, Result};
use crate::model::{Fields, Value};

/// Largest number of units of a decimal that a 64-bit float always keeps.
const DECIMAL_UNITS: i128 = 1_000_000_000_000_000;

/// A function that returns the value of a row; `None` if it is null.
pub(super) type Cell = Box<dyn Fn(usize) -> Result<Option<Value>>>;

/// Returns the values of the column `name`.
///
/// # Errors
/// `Invalid` if no metadata can be made of its type.
pub(super) fn cells(column: &ArrayRef, name: &str) -> Result<Cell> {
    if let Some(number) = whole_numbers(column) {
        return Ok(plain(move |row| number(row).map(Value::from)));
    }
    if let Some(number) = floats(column) {
        return Ok(plain(move |row| number(row).map(Value::F64)));
    }
    match column.data_type() {
        DataType::Null => Ok(plain(|_| None)),
        DataType::Boolean => {
            let values = column.as_boolean().clone();
            Ok(plain(move |row| values.is_valid(row).then(|| Value::Bool(values.value(row)))))
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>().clone();
            Ok(text(move |row| values.is_valid(row).then(|| Ok(values.value(row).to_owned()))))
        }
        DataType::FixedSizeBinary(16) => {
            let values = column.as_fixed_size_binary().clone();
            Ok(text(move |row| values.is_valid(row).then(|| Ok(uuid(values.value(row))))))
        }
        DataType::Decimal128(_, scale) => Ok(decimals(column, *scale)),
        DataType::List(_) => list(column, name),
        DataType::Struct(_) | DataType::Map(..) => {
            let fields = objects(column, name)?;
            Ok(Box::new(move |row| Ok(fields(row)?.map(Value::Map))))
        }
        _ => times(column).ok_or_else(|| wrong(name, column, "metadata")),
    }
}

fn plain(value: impl Fn(usize) -> Option<Value> + 'static) -> Cell {
    Box::new(move |row| Ok(value(row)))
}

fn text(value: impl Fn(usize) -> Option<Result<String>> + 'static) -> Cell {
    Box::new(move |row| {
        value(row).transpose().map(|text| text.map(|text| Value::Text(text.into())))
    })
}

/// Returns a number if its digits are few enough for one, else the digits.
fn decimals(column: &ArrayRef, scale: i8) -> Cell {
    let values = column.as_primitive::<Decimal128Type>().clone();
    plain(move |row| {
        values.is_valid(row).then(|| {
            let units = values.value(row);
            match scale {
                0 => Value::from(units),
                // Both are exact, so the quotient is the nearest float.
                1..=22 if units.abs() <= DECIMAL_UNITS => {
                    Value::F64(units as f64 / 10_f64.powi(scale.into()))
                }
                _ => Value::Decimal(values.value_as_string(row).into()),
            }
        })
    })
}

fn list(column: &ArrayRef, name: &str) -> Result<Cell> {
    let list = column.as_list::<i32>().clone();
    let items = cells(list.values(), name)?;
    Ok(Box::new(move |row| {
        if list.is_null(row) {
            return Ok(None);
        }
        let range = list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize;
        let values = range.map(|at| Ok(items(at)?.unwrap_or(Value::Null)));
        values.collect::<Result<_>>().map(|values| Some(Value::List(values)))
    }))
}

/// A function that returns the fields of a row; `None` if it is null.
pub(super) type Objects = Box<dyn Fn(usize) -> Result<Option<Fields>>>;

/// Returns the fields of a column of structs, or of maps with text keys.
///
/// # Errors
/// `Invalid` for any other column.
pub(super) fn objects(column: &ArrayRef, name: &str) -> Result<Objects> {
    if let Some(map) = column.as_any().downcast_ref::<MapArray>() {
        return entries(map, name);
    }
    let fields = column.as_struct_opt().ok_or_else(|| wrong(name, column, "a struct or a map"))?;
    let nulls = fields.nulls().cloned();
    let parts = fields.fields().iter().zip(fields.columns());
    let parts: Vec<(String, Cell)> = parts
        .map(|(field, column)| Ok((field.name().clone(), cells(column, name)?)))
        .collect::<Result<_>>()?;
    Ok(Box::new(move |row| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        let mut object = Fields::default();
        for (name, cell) in &parts {
            object.extend(cell(row)?.map(|value| (name.clone(), value)));
        }
        Ok(Some(object))
    }))
}

fn entries(map: &MapArray, name: &str) -> Result<Objects> {
    let keys = map.keys().as_string_opt::<i32>().cloned();
    let keys = keys.ok_or_else(|| wrong(name, map.keys(), "a map with keys of text"))?;
    let values = cells(map.values(), name)?;
    let map = map.clone();
    Ok(Box::new(move |row| {
        if map.is_null(row) {
            return Ok(None);
        }
        let mut object = BTreeMap::new();
        for at in map.value_offsets()[row] as usize..map.value_offsets()[row + 1] as usize {
            let Some(value) = values(at)? else { continue };
            match object.entry(keys.value(at).to_owned()) {
                Entry::Vacant(free) => _ = free.insert(value),
                Entry::Occupied(taken) => return Err(twice(taken.key())),
            }
        }
        Ok(Some(object.into()))
    }))
}

pub(super) fn twice(field: &str) -> Error {
    Error::invalid(format!("the metadata has the field `{field}` twice"))
}

/// Returns dates as `2026-11-26`, times of day as `09:30:00.5`, timestamps as RFC 3339, with `Z` if the file says that
/// they are in UTC.
fn times(column: &ArrayRef) -> Option<Cell> {
    macro_rules! times {
        ($kind:ty, $a_second:expr, $form:expr) => {{
            let values = column.as_primitive_opt::<$kind>()?.clone();
            let form = $form;
            Some(text(move |row| {
                values.is_valid(row).then(|| {
                    let value = i64::from(values.value(row));
                    let (seconds, rest) =
                        (value.div_euclid($a_second), value.rem_euclid($a_second));
                    let nanoseconds = rest * (1_000_000_000 / $a_second);
                    let time = Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or(0));
                    time.map(form).map_err(|error| {
                        Error::invalid("a time is out of range").with_source(error)
                    })
                })
            }))
        }};
    }
    let clock = |time: Timestamp| civil(time).time().to_string();
    match column.data_type() {
        DataType::Date32 => {
            let values = column.as_primitive_opt::<Date32Type>()?.clone();
            Some(text(move |row| {
                values.is_valid(row).then(|| {
                    let day = Timestamp::new(i64::from(values.value(row)) * 86_400, 0);
                    day.map(|day| civil(day).date().to_string()).map_err(|error| {
                        Error::invalid("a date is out of range").with_source(error)
                    })
                })
            }))
        }
        DataType::Time32(_) => times!(Time32MillisecondType, 1_000, clock),
        DataType::Time64(TimeUnit::Microsecond) => times!(Time64MicrosecondType, 1_000_000, clock),
        DataType::Time64(_) => times!(Time64NanosecondType, 1_000_000_000, clock),
        DataType::Timestamp(unit, zone) => {
            let is_utc = zone.is_some();
            let form = move |time: Timestamp| match is_utc {
                true => time.to_string(),
                false => civil(time).to_string(),
            };
            match unit {
                TimeUnit::Second => times!(TimestampSecondType, 1, form),
                TimeUnit::Millisecond => times!(TimestampMillisecondType, 1_000, form),
                TimeUnit::Microsecond => times!(TimestampMicrosecondType, 1_000_000, form),
                TimeUnit::Nanosecond => times!(TimestampNanosecondType, 1_000_000_000, form),
            }
        }
        _ => None,
    }
}

fn civil(time: Timestamp) -> DateTime {
    time.to_zoned(TimeZone::UTC).datetime()
}
