//! Records as the columns of a batch.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float32Array, ListArray, RecordBatch, StringArray, StructArray, UInt32Array,
};
use arrow_buffer::{MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use parquet::schema::types::ColumnPath;

use super::tagged::tag;
use crate::error::{Error, Result};
use crate::model::{
    AnyVector, Element, MultiVector, Namespace, Record, SparseVector, Vector, VectorField,
    VectorKind, VectorName,
};

/// Columns that are no vectors: before them, and behind.
const BEFORE: [&str; 2] = ["namespace", "id"];
const BEHIND: &str = "metadata";

/// Columns of the only dense and the only sparse vector.
const VALUES: &str = "values";
const SPARSE: &str = "sparse_values";

/// The columns of a file of records.
pub(super) struct Columns {
    vectors: Vec<Column>,
    schema: SchemaRef,
}

/// A column of vectors.
struct Column {
    name: String,
    of: VectorName,
    kind: VectorKind,
    element: Element,
}

impl Column {
    /// Whether every row has a vector in it, one without components standing for none, as a bulk import wants it.
    fn is_in_every_row(&self) -> bool {
        self.kind == VectorKind::Dense && self.name == VALUES
    }

    fn field(&self) -> Field {
        let data = match self.kind {
            VectorKind::Dense => list(DataType::Float32),
            VectorKind::Sparse => DataType::Struct(sparse_fields()),
            VectorKind::Multi => list(list(DataType::Float32)),
        };
        Field::new(&self.name, data, !self.is_in_every_row())
    }

    fn array(&self, held: &[Option<&AnyVector>]) -> Result<ArrayRef, ArrowError> {
        Ok(match self.kind {
            VectorKind::Dense => {
                let dense = held.iter().map(|one| one.and_then(AnyVector::dense));
                let nulls = (!self.is_in_every_row()).then(|| presence(held));
                Arc::new(floats(dense, nulls)?)
            }
            VectorKind::Sparse => {
                let sparse: Vec<_> =
                    held.iter().map(|one| one.and_then(AnyVector::sparse)).collect();
                Arc::new(sparse_values(&sparse, presence(held))?)
            }
            VectorKind::Multi => {
                let several = held.iter().map(|one| match one {
                    Some(AnyVector::Multi(several)) => Some(several),
                    _ => None,
                });
                Arc::new(lists(&several.collect::<Vec<_>>(), presence(held))?)
            }
        })
    }
}

impl Columns {
    /// The columns of records with these vectors: the usual two for the only dense and the only sparse one, and for any other
    /// one under its name, or a longer one where that is taken.
    pub fn new(fields: &[VectorField]) -> Self {
        let mut taken: Vec<String> =
            BEFORE.iter().chain([&BEHIND]).map(|one| (*one).to_owned()).collect();
        let is_only = |field: &VectorField| field.name.is_only() && field.kind != VectorKind::Multi;
        let mut vectors = Vec::with_capacity(fields.len());
        // The usual names first, so that no other vector takes them.
        for field in fields.iter().filter(|field| is_only(field)) {
            taken.push(usual(field.kind).to_owned());
        }
        for field in fields {
            let name = match is_only(field) {
                true => usual(field.kind).to_owned(),
                false => free(field, &mut taken),
            };
            let (of, kind, element) = (field.name.clone(), field.kind, field.element);
            vectors.push(Column { name, of, kind, element });
        }
        let text = |name: &str, is_nullable| Field::new(name, DataType::Utf8, is_nullable);
        let mut columns: Vec<Field> = BEFORE.iter().map(|name| text(name, false)).collect();
        columns.extend(vectors.iter().map(Column::field));
        columns.push(text(BEHIND, true));
        Self { vectors, schema: Arc::new(Schema::new(columns)) }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the columns of vectors, in the order of their fields.
    pub fn of_vectors(&self) -> impl Iterator<Item = &str> {
        self.vectors.iter().map(|column| column.name.as_str())
    }

    /// Returns the paths of the components of all vectors, and what their store keeps each as.
    pub fn components(&self) -> impl Iterator<Item = (ColumnPath, Element)> {
        self.vectors.iter().map(|column| {
            let inside: &[&str] = match column.kind {
                VectorKind::Dense => &["list", "item"],
                VectorKind::Sparse => &["values", "list", "item"],
                VectorKind::Multi => &["list", "item", "list", "item"],
            };
            let steps = [column.name.as_str()].into_iter().chain(inside.iter().copied());
            (ColumnPath::new(steps.map(str::to_owned).collect()), column.element)
        })
    }

    /// Makes a batch of records of one namespace.
    ///
    /// # Errors
    /// `Invalid`, naming the record and what of it has no column or no form.
    pub fn batch(
        &self,
        namespace: &Namespace,
        records: &[Record],
        rare: &mut Rare,
    ) -> Result<RecordBatch> {
        let held = self.held(records)?;
        let metadata = records.iter().map(|record| json(record, rare));
        let metadata = metadata.collect::<Result<StringArray>>()?;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(records.iter().map(|_| namespace.as_str()))),
            Arc::new(StringArray::from_iter_values(records.iter().map(|record| record.id.text()))),
        ];
        let unfit = |error| Error::unexpected("records are no Parquet rows").with_source(error);
        for (column, held) in self.vectors.iter().zip(&held) {
            columns.push(column.array(held).map_err(unfit)?);
        }
        columns.push(Arc::new(metadata));
        RecordBatch::try_new(self.schema.clone(), columns).map_err(unfit)
    }

    /// Returns the vectors of each column, row by row.
    fn held<'a>(&self, records: &'a [Record]) -> Result<Vec<Vec<Option<&'a AnyVector>>>> {
        let mut held = vec![vec![None; records.len()]; self.vectors.len()];
        for (row, record) in records.iter().enumerate() {
            for (name, vector) in record.vectors.iter() {
                let at = self.place(name, vector.kind()).ok_or_else(|| {
                    let message = format!(
                        "the file has no column for the {} vector `{name}` of `{}`: its source did not say that there is one",
                        vector.kind(),
                        record.id.shown()
                    );
                    Error::invalid(message)
                })?;
                held[at][row] = Some(vector);
            }
        }
        Ok(held)
    }

    /// Returns the column of a vector: that of its name, or the only one of its kind for the only one of another store.
    fn place(&self, name: &VectorName, kind: VectorKind) -> Option<usize> {
        let of_kind = |column: &Column| column.kind == kind;
        let is_it = |column: &Column| {
            of_kind(column) && (column.of == *name || column.of.is_only() && name.is_only())
        };
        self.vectors.iter().position(is_it)
    }
}

fn usual(kind: VectorKind) -> &'static str {
    if kind == VectorKind::Sparse { SPARSE } else { VALUES }
}

/// Returns a name that no column has in any case of letters, which many readers do not tell apart, and that means no other
/// kind of vectors.
fn free(field: &VectorField, taken: &mut Vec<String>) -> String {
    let usual = [(VALUES, VectorKind::Dense), (SPARSE, VectorKind::Sparse)];
    let others = usual.into_iter().filter(|(_, kind)| *kind != field.kind).map(|(name, _)| name);
    let others: Vec<&str> = others.collect();
    let is_taken = |name: &str| {
        let mut all = taken.iter().map(String::as_str).chain(others.iter().copied());
        all.any(|one| one.to_lowercase() == name.to_lowercase())
    };
    let mut free = field.name.to_string();
    while is_taken(&free) {
        free.push_str("_vector");
    }
    taken.push(free.clone());
    free
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, false)))
}

fn sparse_fields() -> Fields {
    Fields::from(vec![
        Field::new("indices", list(DataType::UInt32), false),
        Field::new("values", list(DataType::Float32), false),
    ])
}

fn presence(held: &[Option<&AnyVector>]) -> NullBuffer {
    held.iter().map(|one| one.is_some()).collect::<Vec<_>>().into()
}

/// What becomes of values that JSON has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rare {
    /// They are refused: whoever reads the file knows no tags.
    Refused,
    /// They stand under tags, once there `is_any`.
    Tagged { is_any: bool },
}

/// Writes the metadata of a record; `None` if it has none.
fn json(record: &Record, rare: &mut Rare) -> Result<Option<String>> {
    let tagged = match rare {
        Rare::Refused => None,
        Rare::Tagged { is_any } => {
            let tagged = tag(&record.metadata);
            *is_any |= tagged.is_some();
            tagged
        }
    };
    let mut text = String::new();
    tagged.as_ref().unwrap_or(&record.metadata).write_json(&mut text).map_err(|what| {
        let id = record.id.shown();
        let message = format!("the metadata of `{id}` holds {what}, which JSON cannot");
        Error::invalid(message)
    })?;
    Ok((!record.metadata.is_empty()).then_some(text))
}

/// Makes a list column of vectors; their bytes are copied once, into one buffer.
fn floats<'a>(
    vectors: impl Iterator<Item = Option<&'a Vector>> + Clone,
    nulls: Option<NullBuffer>,
) -> Result<ListArray, ArrowError> {
    let lengths = vectors.clone().map(|vector| vector.map_or(0, Vector::dimension));
    let offsets = OffsetBuffer::from_lengths(lengths.clone());
    let values = components(vectors.flatten(), lengths.sum());
    let field = Arc::new(Field::new("item", DataType::Float32, false));
    ListArray::try_new(field, offsets, Arc::new(values), nulls)
}

fn components<'a>(vectors: impl Iterator<Item = &'a Vector>, count: usize) -> Float32Array {
    let mut bytes = MutableBuffer::with_capacity(count * 4);
    vectors.for_each(|vector| bytes.extend_from_slice(vector.as_le_bytes()));
    let count = bytes.len() / 4;
    Float32Array::new(ScalarBuffer::new(bytes.into(), 0, count), None)
}

/// Makes a column of lists of vectors.
fn lists(rows: &[Option<&MultiVector>], nulls: NullBuffer) -> Result<ListArray, ArrowError> {
    let count = |one: &MultiVector| {
        let dimension = one.dimension() as usize;
        one.components().dimension().checked_div(dimension).unwrap_or_default()
    };
    let each = rows
        .iter()
        .flatten()
        .flat_map(|one| std::iter::repeat_n(one.dimension() as usize, count(one)));
    let all = rows.iter().flatten().map(|one| one.components());
    let values = components(all.clone(), all.map(Vector::dimension).sum());
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let inner = ListArray::try_new(item, OffsetBuffer::from_lengths(each), Arc::new(values), None)?;
    let counts = rows.iter().map(|one| one.map_or(0, count));
    let item = Arc::new(Field::new("item", list(DataType::Float32), false));
    ListArray::try_new(item, OffsetBuffer::from_lengths(counts), Arc::new(inner), Some(nulls))
}

fn sparse_values(
    rows: &[Option<&SparseVector>],
    nulls: NullBuffer,
) -> Result<StructArray, ArrowError> {
    let lengths = rows.iter().map(|sparse| sparse.map_or(0, SparseVector::len));
    let indices = rows.iter().flatten().flat_map(|sparse| sparse.indices.iter().copied());
    let field = Arc::new(Field::new("item", DataType::UInt32, false));
    let indices = ListArray::try_new(
        field,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(UInt32Array::from_iter_values(indices)),
        None,
    )?;
    let values = floats(rows.iter().map(|sparse| sparse.map(|sparse| &sparse.values)), None)?;
    StructArray::try_new(sparse_fields(), vec![Arc::new(indices), Arc::new(values)], Some(nulls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_one_name_and_usual_ones_mean_what_they_do() {
        let of = |name: &str, kind| VectorField::usual(VectorName::of_several(name), kind);
        let only = |name: &str, kind| VectorField::usual(VectorName::only(name), kind);
        let names = |fields: &[VectorField]| {
            let columns = Columns::new(fields);
            columns.of_vectors().map(str::to_owned).collect::<Vec<_>>()
        };
        let (dense, sparse, multi) = (VectorKind::Dense, VectorKind::Sparse, VectorKind::Multi);
        assert_eq!(names(&VectorField::plain()), [VALUES, SPARSE]);
        assert_eq!(names(&[only("embedding", dense), only("tokens", multi)]), [VALUES, "tokens"]);
        let taken = [of("ID", dense), of("values", dense), only("values", multi)];
        assert_eq!(names(&taken), ["ID_vector", "values", "values_vector"]);
        let meant =
            [of("sparse_values", dense), of("a", dense), of("values", sparse), of("A", sparse)];
        assert_eq!(names(&meant), ["sparse_values_vector", "a", "values_vector", "A_vector"]);
        let behind = [only("values", multi), only("embedding", dense)];
        assert_eq!(names(&behind), ["values_vector", VALUES]);
    }
}
