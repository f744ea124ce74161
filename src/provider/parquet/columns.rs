//! Columns of a batch, whatever of the usual shapes a writer chose for them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray, UInt32Array,
};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::Vector;

/// A text column.
pub struct Texts(StringArray);

impl Texts {
    pub fn get(&self, row: usize) -> Option<&str> {
        (!self.0.is_null(row)).then(|| self.0.value(row))
    }
}

/// The column `name` as text: strings of any layout, and whole numbers, which ids often are. `None` where
/// there is no such column.
pub fn text_column(batch: &RecordBatch, name: &str) -> Result<Option<Texts>> {
    let Some(column) = batch.column_by_name(name) else { return Ok(None) };
    let kind = match column.data_type() {
        DataType::Dictionary(_, value) => value,
        other => other,
    };
    let is_text = matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if !is_text && !kind.is_integer() {
        return Err(wrong(name, column.data_type(), "a string"));
    }
    let texts = cast(column, &DataType::Utf8, name)?;
    Ok(texts.as_string_opt::<i32>().cloned().map(Texts))
}

/// A column of lists: one range of the items a row.
struct Lists {
    items: ArrayRef,
    ends: Vec<(usize, usize)>,
    nulls: Option<NullBuffer>,
}

fn lists(column: &ArrayRef, name: &str) -> Result<Lists> {
    let rows = column.len();
    let nulls = column.nulls().cloned();
    if let Some(list) = column.as_list_opt::<i32>() {
        let ends = list.offsets().windows(2).map(|at| (at[0] as usize, at[1] as usize)).collect();
        return Ok(Lists { items: list.values().clone(), ends, nulls });
    }
    if let Some(list) = column.as_list_opt::<i64>() {
        let ends = list.offsets().windows(2).map(|at| (at[0] as usize, at[1] as usize)).collect();
        return Ok(Lists { items: list.values().clone(), ends, nulls });
    }
    if let Some(list) = column.as_any().downcast_ref::<FixedSizeListArray>() {
        let length = usize::try_from(list.value_length()).unwrap_or_default();
        let ends = (0..rows).map(|row| (row * length, (row + 1) * length)).collect();
        return Ok(Lists { items: list.values().clone(), ends, nulls });
    }
    Err(wrong(name, column.data_type(), "a list"))
}

impl Lists {
    fn range(&self, row: usize) -> Option<(usize, usize)> {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if is_null { None } else { self.ends.get(row).copied() }
    }
}

/// A column of dense vectors whose bytes are shared with the batch.
pub struct Floats {
    lists: Lists,
    bytes: Bytes,
}

impl Floats {
    pub fn read(column: &ArrayRef, name: &str) -> Result<Self> {
        let lists = lists(column, name)?;
        let Some(values) = lists.items.as_primitive_opt::<Float32Type>() else {
            return Err(wrong(name, lists.items.data_type(), "a list of 32-bit floats"));
        };
        no_nulls(values.null_count(), name)?;
        let bytes = shared(values);
        Ok(Self { lists, bytes })
    }

    /// The vector of a row; `None` where the row has none.
    pub fn get(&self, row: usize) -> Option<Vector> {
        let (from, to) = self.lists.range(row)?;
        Vector::from_le_bytes(self.bytes.slice(from * 4..to * 4))
    }
}

/// The values as bytes that keep the array's buffer alive.
fn shared(values: &Float32Array) -> Bytes {
    Bytes::from_owner(values.values().inner().clone())
}

/// A column of lists of u32.
pub struct Indices {
    lists: Lists,
    values: UInt32Array,
}

impl Indices {
    pub fn read(column: &ArrayRef, name: &str) -> Result<Self> {
        let lists = lists(column, name)?;
        if !lists.items.data_type().is_integer() {
            return Err(wrong(name, lists.items.data_type(), "a list of whole numbers"));
        }
        let values = cast(&lists.items, &DataType::UInt32, name)?;
        no_nulls(values.null_count(), name)?;
        let Some(values) = values.as_primitive_opt::<UInt32Type>().cloned() else {
            return Err(wrong(name, lists.items.data_type(), "a list of whole numbers"));
        };
        Ok(Self { lists, values })
    }

    pub fn get(&self, row: usize) -> Option<Vec<u32>> {
        let (from, to) = self.lists.range(row)?;
        Some(self.values.values()[from..to].to_vec())
    }
}

/// What does not fit the other type is an error, never a null.
fn cast(column: &ArrayRef, to: &DataType, name: &str) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, to, &options).map_err(|error| {
        Error::invalid(format!("column `{name}` cannot be read as {to}")).with_source(error)
    })
}

fn no_nulls(count: usize, name: &str) -> Result<()> {
    match count {
        0 => Ok(()),
        _ => Err(Error::invalid(format!("column `{name}` holds lists with null items"))),
    }
}

pub fn wrong(name: &str, is: &DataType, wanted: &str) -> Error {
    Error::invalid(format!("column `{name}` is {is}; it must be {wanted}"))
}
