//! Columns of a batch that hold vectors: dense, sparse, or several dense ones a row.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, MapArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bytes::Bytes;

use super::columns::{At, floats, whole_numbers, wrong};
use crate::error::{Error, Result};
use crate::model::{AnyVector, MultiVector, SparseVector, Vector, VectorKind};

/// A column of vectors of one kind.
pub(super) enum VectorCells {
    Dense(Dense),
    Sparse(Sparse),
    Multi(Multi),
}

impl VectorCells {
    /// Reads the column `name`.
    ///
    /// # Errors
    /// `Invalid` if it holds no vectors of the kind.
    pub fn read(
        kind: VectorKind,
        (column, name): (&ArrayRef, &str),
        is_rounding: bool,
    ) -> Result<Self> {
        Ok(match kind {
            VectorKind::Dense => Self::Dense(Dense::read(column, name, is_rounding)?),
            VectorKind::Sparse => Self::Sparse(Sparse::read(column, name, is_rounding)?),
            VectorKind::Multi => Self::Multi(Multi::read(column, name, is_rounding)?),
        })
    }

    /// Returns the vector of a row; `None` if the row has none. A null among its components becomes NaN, which every
    /// target refuses.
    ///
    /// # Errors
    /// `Invalid` if the row is no vector of the kind.
    pub fn get(&self, row: usize) -> Result<Option<AnyVector>> {
        Ok(match self {
            Self::Dense(dense) => dense.get(row)?.map(AnyVector::Dense),
            Self::Sparse(sparse) => sparse.get(row)?.map(AnyVector::Sparse),
            Self::Multi(multi) => multi.get(row)?.map(AnyVector::Multi),
        })
    }
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
    fn read(column: &ArrayRef, name: &str, is_rounding: bool) -> Result<Self> {
        let wrong = || wrong(name, column, "a list of floats");
        let list = column.as_list_opt::<i32>().ok_or_else(wrong)?;
        let ranges = Ranges::new(list.offsets(), list.nulls());
        let components = Components::read(list.values(), is_rounding).ok_or_else(wrong)?;
        Ok(Self { ranges, components })
    }

    fn get(&self, row: usize) -> Result<Option<Vector>> {
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
                let has_number =
                    range.clone().any(|at| values.is_valid(at) && values.value(at) != 0.0);
                let values: Result<Vec<f32>> = range
                    .map(|at| match values.is_valid(at) {
                        true => single(values.value(at), *is_rounding),
                        false => Ok(f32::NAN),
                    })
                    .collect();
                let values = values?;
                match has_number && values.iter().all(|value| *value == 0.0) {
                    true => Err(Error::invalid("rounded to 32 bits all numbers of a vector are zero, and under cosine no query finds it")
                        .with_hint("leave the record out of the file, or make its vector longer")),
                    false => Ok(Vector::from_values(values)),
                }
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
    fn read(column: &ArrayRef, name: &str, is_rounding: bool) -> Result<Self> {
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

    fn get(&self, row: usize) -> Result<Option<SparseVector>> {
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

/// A column of lists of dense vectors.
pub(super) struct Multi {
    rows: Ranges,
    each: Ranges,
    components: Components,
}

impl Multi {
    fn read(column: &ArrayRef, name: &str, is_rounding: bool) -> Result<Self> {
        let wrong = || wrong(name, column, "a list of lists of floats");
        let rows = column.as_list_opt::<i32>().ok_or_else(wrong)?;
        let each = rows.values().as_list_opt::<i32>().ok_or_else(wrong)?;
        Ok(Self {
            rows: Ranges::new(rows.offsets(), rows.nulls()),
            each: Ranges::new(each.offsets(), each.nulls()),
            components: Components::read(each.values(), is_rounding).ok_or_else(wrong)?,
        })
    }

    fn get(&self, row: usize) -> Result<Option<MultiVector>> {
        let Some(vectors) = self.rows.get(row) else { return Ok(None) };
        let (mut all, mut dimension) = (None::<std::ops::Range<usize>>, 0);
        for at in vectors {
            let one =
                self.each.get(at).ok_or_else(|| Error::invalid("one of its vectors is null"))?;
            match &mut all {
                None => (dimension, all) = (one.len(), Some(one)),
                Some(_) if one.len() != dimension => {
                    let message = format!(
                        "its vectors differ in length: {dimension} and {} components",
                        one.len()
                    );
                    return Err(Error::invalid(message));
                }
                Some(all) => all.end = one.end,
            }
        }
        if dimension == 0 && all.is_some() {
            return Err(Error::invalid("its vectors have no components"));
        }
        let components = self.components.get(all.unwrap_or_default())?;
        let dimension = u32::try_from(dimension).unwrap_or(u32::MAX);
        let multi = MultiVector::new(dimension, components);
        multi.map(Some).ok_or_else(|| Error::unexpected("vectors of one length are cut"))
    }
}
