//! Columns of a batch that hold ids, namespaces and vectors.
//!
//! Files are read by the types of Parquet alone (see `file.rs`): there are no dictionaries, views or
//! large lists here, whatever a writer had in memory.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, MapArray, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::{SparseVector, Vector};
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

/// A column of lists: a range of items for each row.
struct Ranges {
    ends: Vec<usize>,
    nulls: Option<NullBuffer>,
}

impl Ranges {
    fn new(offsets: &[i32], nulls: Option<&NullBuffer>) -> Self {
        let ends = offsets.iter().map(|end| usize::try_from(*end).unwrap_or_default()).collect();
        Self { ends, nulls: nulls.cloned() }
    }

    fn get(&self, row: usize) -> Option<std::ops::Range<usize>> {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if is_null { None } else { Some(self.ends[row]..self.ends[row + 1]) }
    }
}

/// A column of dense vectors. Those of 32-bit floats share their bytes with the batch.
pub(super) struct Dense {
    ranges: Ranges,
    components: Components,
}

impl Dense {
    pub fn read(column: &ArrayRef, name: &str, is_rounding: bool) -> Result<Self> {
        let wrong = || wrong(name, column, "a list of floats");
        let list = column.as_list_opt::<i32>().ok_or_else(wrong)?;
        let ranges = Ranges::new(list.offsets(), list.nulls());
        let components = Components::read(list.values(), is_rounding).ok_or_else(wrong)?;
        Ok(Self { ranges, components })
    }

    /// Returns the vector of a row; `None` if the row has none. A null among its components becomes NaN, which every
    /// target refuses.
    pub fn get(&self, row: usize) -> Result<Option<Vector>> {
        self.ranges.get(row).map(|range| self.components.get(range)).transpose()
    }
}

/// Items of lists of floats.
enum Components {
    /// All of them, as bytes.
    Shared(Bytes),
    Single(Float32Array),
    Double {
        values: Float64Array,
        is_rounding: bool,
    },
    /// Items of 16 bits, or no items at all.
    Other(At<f64>),
}

impl Components {
    fn read(items: &ArrayRef, is_rounding: bool) -> Option<Self> {
        if let Some(values) = items.as_primitive_opt::<Float32Type>() {
            return Some(match values.null_count() {
                0 => Self::Shared(Bytes::from_owner(values.values().inner().clone())),
                _ => Self::Single(values.clone()),
            });
        }
        if let Some(values) = items.as_primitive_opt::<Float64Type>() {
            return Some(Self::Double { values: values.clone(), is_rounding });
        }
        match items.data_type() {
            DataType::Null => Some(Self::Other(Box::new(|_| None))),
            _ => floats(items).map(Self::Other),
        }
    }

    fn get(&self, range: std::ops::Range<usize>) -> Result<Vector> {
        match self {
            Self::Shared(bytes) => {
                let bytes = bytes.slice(range.start * 4..range.end * 4);
                Vector::from_le_bytes(bytes)
                    .ok_or_else(|| Error::unexpected("a vector of 32-bit floats is cut"))
            }
            Self::Single(values) => {
                Ok(Vector::from_values(range.map(|at| match values.is_valid(at) {
                    true => values.value(at),
                    false => f32::NAN,
                })))
            }
            Self::Double { values, is_rounding } => {
                let values: Result<Vec<f32>> = range
                    .map(|at| match values.is_valid(at) {
                        true => single(values.value(at), *is_rounding),
                        false => Ok(f32::NAN),
                    })
                    .collect();
                values.map(Vector::from_values)
            }
            Self::Other(value) => Ok(Vector::from_values(
                range.map(|at| value(at).map_or(f32::NAN, |one| one as f32)),
            )),
        }
    }
}

/// Returns the 32-bit float that equals `value`, or the nearest.
fn single(value: f64, is_rounding: bool) -> Result<f32> {
    let near = value as f32;
    match is_rounding || f64::from(near) == value || value.is_nan() {
        true => Ok(near),
        false => Err(Error::invalid(format!("no 32-bit float equals the 64-bit float {value}"))
            .with_hint(
                "`source: { columns: { round: true } }` rounds each to the nearest 32-bit float",
            )),
    }
}

/// A column of sparse values: a struct of two lists, or a map.
pub(super) struct Sparse {
    rows: Option<NullBuffer>,
    indices: Ranges,
    index: At<i128>,
    values: Ranges,
    components: Components,
}

impl Sparse {
    pub fn read(column: &ArrayRef, name: &str, is_rounding: bool) -> Result<Self> {
        let wrong = || wrong(name, column, "sparse values");
        if let Some(map) = column.as_any().downcast_ref::<MapArray>() {
            let ranges = || Ranges::new(map.offsets(), map.nulls());
            return Ok(Self {
                rows: map.nulls().cloned(),
                indices: ranges(),
                index: whole_numbers(map.keys()).ok_or_else(wrong)?,
                values: ranges(),
                components: Components::read(map.values(), is_rounding).ok_or_else(wrong)?,
            });
        }
        let fields = column.as_struct_opt().ok_or_else(wrong)?;
        let list = |field: &str| {
            fields
                .column_by_name(field)
                .and_then(|list| list.as_list_opt::<i32>())
                .ok_or_else(wrong)
        };
        let (indices, values) = (list("indices")?, list("values")?);
        Ok(Self {
            rows: fields.nulls().cloned(),
            indices: Ranges::new(indices.offsets(), indices.nulls()),
            index: whole_numbers(indices.values()).ok_or_else(wrong)?,
            values: Ranges::new(values.offsets(), values.nulls()),
            components: Components::read(values.values(), is_rounding).ok_or_else(wrong)?,
        })
    }

    pub fn get(&self, row: usize) -> Result<Option<SparseVector>> {
        if self.rows.as_ref().is_some_and(|rows| rows.is_null(row)) {
            return Ok(None);
        }
        let (indices, values) = match (self.indices.get(row), self.values.get(row)) {
            (None, None) => return Ok(None),
            (indices, values) => (indices.unwrap_or_default(), values.unwrap_or_default()),
        };
        let index = |at: usize| {
            let index = (self.index)(at).and_then(|index| u32::try_from(index).ok());
            index.ok_or_else(|| Error::invalid("a sparse index is not one of 0 to 4,294,967,295"))
        };
        let indices: Vec<u32> = indices.map(index).collect::<Result<_>>()?;
        SparseVector::new(indices, self.components.get(values)?)
            .map(Some)
            .ok_or_else(|| Error::invalid("sparse indices and values differ in length"))
    }
}

pub(super) fn wrong(name: &str, column: &ArrayRef, wanted: &str) -> Error {
    Error::invalid(format!("column `{name}` is {}; it must be {wanted}", column.data_type()))
}
