//! Columns of a batch that hold ids and namespaces, and numbers of any type.
//!
//! Files are read by the types of Parquet alone (see `file.rs`): there are no dictionaries, views or
//! large lists here, whatever a writer had in memory.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;

use crate::error::{Error, Result};
use crate::text::hex;

/// A text column.
pub struct Texts(StringArray);

impl Texts {
    /// Reads the column as text: strings, whole numbers, and UUIDs (16 bytes) in their usual form.
    pub fn read(column: &ArrayRef, name: &str) -> Result<Self> {
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Ok(Self(texts.clone()));
        }
        if let Some(bytes) =
            column.as_fixed_size_binary_opt().filter(|one| one.value_length() == 16)
        {
            return Ok(Self(bytes.iter().map(|bytes| bytes.map(uuid)).collect()));
        }
        let number = whole_numbers(column).ok_or_else(|| wrong(name, column, "text"))?;
        let texts = (0..column.len()).map(|row| number(row).map(|number| number.to_string()));
        Ok(Self(texts.collect()))
    }

    pub fn get(&self, row: usize) -> Option<&str> {
        (!self.0.is_null(row)).then(|| self.0.value(row))
    }
}

/// Writes a UUID like `0192f0c1-…`, as in RFC 9562.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&hex([*byte]));
    }
    text
}

/// A function that returns the value of a row; `None` if it is null.
pub(super) type At<T> = Box<dyn Fn(usize) -> Option<T>>;

macro_rules! number_of {
    ($column:expr, $to:ty, $($data:pat => $from:ty),* $(,)?) => {
        match $column.data_type() {
            $($data => {
                let values = $column.as_primitive_opt::<$from>()?.clone();
                Some(Box::new(move |at: usize| {
                    values.is_valid(at).then(|| <$to>::from(values.value(at)))
                }))
            })*
            _ => None,
        }
    };
}

/// Returns the values of a column of whole numbers; `None` for any other column.
pub(super) fn whole_numbers(column: &ArrayRef) -> Option<At<i128>> {
    number_of!(column, i128,
        DataType::Int8 => Int8Type,
        DataType::Int16 => Int16Type,
        DataType::Int32 => Int32Type,
        DataType::Int64 => Int64Type,
        DataType::UInt8 => UInt8Type,
        DataType::UInt16 => UInt16Type,
        DataType::UInt32 => UInt32Type,
        DataType::UInt64 => UInt64Type,
    )
}

/// Returns the values of a column of floats; `None` for any other column.
pub(super) fn floats(column: &ArrayRef) -> Option<At<f64>> {
    number_of!(column, f64,
        DataType::Float16 => Float16Type,
        DataType::Float32 => Float32Type,
        DataType::Float64 => Float64Type,
    )
}

pub(super) fn wrong(name: &str, column: &ArrayRef, wanted: &str) -> Error {
    Error::invalid(format!("column `{name}` is {}; it must be {wanted}", column.data_type()))
}
