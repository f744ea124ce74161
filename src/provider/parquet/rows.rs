//! A file as row groups: what is in each by the footer, its ids without its vectors, and its records.

use std::collections::HashMap;
use std::ops::Range;

use parquet::basic::Type;
use parquet::file::statistics::Statistics;

use super::columns::Texts;
use super::file::{OpenFile, batches_of_group, damaged};
use super::layout::{Folders, Layout, NamespaceOf, PassedOver, Unread, VectorColumn};
use super::origin::Origin;
use crate::error::{Error, Result};
use crate::model::{Element, IdKind, Namespace, RecordId, VectorField, VectorKind};
use crate::plan::file::Columns;
use crate::text::named;

/// Rows of columns of text that are decoded at once.
const NAME_ROWS: usize = 8_192;

/// A file whose footer was read once, and whose row groups are read in any order.
pub struct RowReader {
    pub(super) file: OpenFile,
    pub(super) layout: Layout,
    /// First row of each row group, and behind the last the number of rows.
    groups: Vec<u64>,
}

impl RowReader {
    /// Reads the footer. Messages call the file `name`: it may be a copy of another.
    ///
    /// # Errors
    /// `NotFound` if there is no file, `Io` if it is no Parquet file, `Invalid` if its columns are not the records
    /// that `asked` describes.
    pub fn open(
        origin: impl Into<Origin>,
        name: &str,
        asked: &Columns,
        folders: &Folders,
    ) -> Result<Self> {
        let file = OpenFile::open(origin, name)?;
        let layout = file.layout(asked, folders, Unread::Refused)?;
        let mut groups = vec![0];
        for group in file.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            groups.push(groups.last().copied().unwrap_or_default() + rows);
        }
        Ok(Self { file, layout, groups })
    }

    /// Returns the number of rows.
    pub fn count(&self) -> u64 {
        self.groups.last().copied().unwrap_or_default()
    }

    /// Returns the rows of each row group, as numbers in the file.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Range<u64>> + '_ {
        self.groups.windows(2).map(|bounds| bounds[0]..bounds[1])
    }

    /// Returns the rows of a row group, as numbers in the file.
    pub fn group(&self, group: usize) -> Range<u64> {
        let at = |group: usize| self.groups.get(group).copied().unwrap_or(self.count());
        at(group)..at(group + 1)
    }

    /// Returns the size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Returns a digest of the footer; another one means other rows.
    pub fn footer(&self) -> u64 {
        self.file.footer()
    }

    /// Returns the namespace of all its rows; `None` if each gives its own.
    pub fn namespace(&self) -> Option<&Namespace> {
        match &self.layout.namespace {
            NamespaceOf::Column(_) => None,
            NamespaceOf::Constant(namespace) => Some(namespace),
        }
    }

    /// Returns the kind of its ids.
    pub fn ids(&self) -> IdKind {
        self.layout.ids
    }

    /// Returns the id with this text.
    pub fn id(&self, text: &str) -> RecordId {
        self.layout.id(text)
    }

    /// Returns the fields of the vectors that its rows may have.
    pub fn fields(&self) -> impl Iterator<Item = &VectorField> {
        self.layout.vectors.iter().map(|vector| &vector.field)
    }

    /// Makes it one of the files that are read together: with ids of this kind, and the names of `fields`, which has all of
    /// its own.
    pub fn join(&mut self, ids: IdKind, fields: &[VectorField]) {
        self.layout.ids = ids;
        for own in self.layout.vectors.iter_mut().map(|vector| &mut vector.field) {
            if let Some(field) = fields.iter().find(|field| field.name == own.name) {
                own.name = field.name.clone();
            }
        }
    }

    /// Returns whether its rows can have sparse values.
    pub fn has_sparse(&self) -> bool {
        let schema = self.file.metadata().file_metadata().schema_descr();
        let groups = self.file.metadata().row_groups();
        let is_sparse = |root: usize| {
            let mut columns = self.layout.vectors.iter().filter(|vector| vector.at == root);
            columns.any(|vector| vector.field.kind == VectorKind::Sparse)
        };
        groups.iter().flat_map(|group| group.columns().iter().enumerate()).any(|(leaf, column)| {
            let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
            let values = u64::try_from(column.num_values()).unwrap_or(0);
            is_sparse(schema.get_column_root_idx(leaf)) && nulls.is_none_or(|nulls| nulls < values)
        })
    }

    /// Returns whether it has vectors of 64-bit floats, which are rounded.
    pub fn is_rounded(&self) -> bool {
        let is_long = |vector: &VectorColumn| {
            let column = self.file.columns().get(vector.at);
            column.is_some_and(|(_, kind)| kind.element() == Some(Element::F64))
        };
        self.layout.is_rounding && self.layout.vectors.iter().any(is_long)
    }

    /// Returns its columns that are not read.
    pub fn passed_over(&self) -> &PassedOver {
        &self.layout.passed_over
    }

    /// Counts the rows of a row group by namespace. Nothing is read where the footer says that all are of one.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn namespaces(&self, group: usize) -> Result<Vec<(Namespace, u64)>> {
        let rows = self.group(group);
        let count = rows.end - rows.start;
        let at = match &self.layout.namespace {
            _ if count == 0 => return Ok(Vec::new()),
            NamespaceOf::Constant(namespace) => return Ok(vec![(namespace.clone(), count)]),
            NamespaceOf::Column(at) => *at,
        };
        if let Some((least, greatest, Some(0))) = self.bounds_of(group, at)
            && least == greatest
            && let Ok(name) = std::str::from_utf8(least)
        {
            return Ok(vec![(Namespace::from(name), count)]);
        }
        let mut counts: HashMap<Namespace, u64> = HashMap::new();
        let (mut last, mut run) = (Namespace::from(""), 0);
        for batch in batches_of_group(&self.file, &[at], (group, None), NAME_ROWS)? {
            let batch = batch.map_err(|error| damaged(&self.file, &[at], error))?;
            let names = Texts::read(batch.column(0), batch.schema_ref().field(0).name())?;
            for row in 0..batch.num_rows() {
                let name = names.get(row).unwrap_or_default();
                if name != last.as_str() {
                    *counts.entry(last).or_default() += std::mem::take(&mut run);
                    last = Namespace::from(name);
                }
                run += 1;
            }
        }
        *counts.entry(last).or_default() += run;
        counts.retain(|_, rows| *rows > 0);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        Ok(counts)
    }

    /// Returns bounds of the ids of a row group in bytewise order, where they are text and the footer has them.
    pub fn bounds(&self, group: usize) -> Option<(&[u8], &[u8])> {
        self.bounds_of(group, self.layout.id).map(|(least, greatest, _)| (least, greatest))
    }

    /// Returns bounds of a column of text, and how many of its values are null.
    fn bounds_of(&self, group: usize, column: usize) -> Option<(&[u8], &[u8], Option<u64>)> {
        let of = self.file.metadata().row_groups().get(group)?;
        let statistics = of.columns().get(self.text_leaf(column)?)?.statistics()?;
        // Old ones were compared as signed bytes by some writers.
        let Statistics::ByteArray(values) = statistics else { return None };
        let is_sound = !statistics.is_min_max_deprecated();
        let (least, greatest) = (values.min_bytes_opt()?, values.max_bytes_opt()?);
        is_sound.then_some((least, greatest, values.null_count_opt()))
    }

    /// Returns the place of a column of text among the columns of the file as it is stored.
    fn text_leaf(&self, column: usize) -> Option<usize> {
        let schema = self.file.metadata().file_metadata().schema_descr();
        let of_text = self.file.columns().get(column)?.1.data == arrow_schema::DataType::Utf8;
        let leaf =
            (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == column)?;
        (of_text && schema.column(leaf).physical_type() == Type::BYTE_ARRAY).then_some(leaf)
    }

    /// Returns the name that messages call the file.
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// Returns ids and namespaces of a row group, batch by batch, without reading anything else.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn names(&self, group: usize) -> Result<impl Iterator<Item = Result<Names<'_>>> + use<'_>> {
        let columns = self.layout.names();
        let batches = batches_of_group(&self.file, &columns, (group, None), NAME_ROWS)?;
        let mut row = 0;
        Ok(batches.map(move |batch| {
            let batch = batch.map_err(|error| damaged(&self.file, &columns, error))?;
            let texts = |at: usize| {
                let place = columns.binary_search(&at).unwrap_or_default();
                Texts::read(batch.column(place), batch.schema_ref().field(place).name())
            };
            let namespaces = match &self.layout.namespace {
                NamespaceOf::Column(at) => Some(texts(*at)?),
                NamespaceOf::Constant(_) => None,
            };
            let first = row;
            row += batch.num_rows() as u64;
            let ids = texts(self.layout.id)?;
            let (count, bounds) = (batch.num_rows(), self.bounds(group));
            Ok(Names { of: self, group, ids, namespaces, first, count, bounds })
        }))
    }
}

/// Ids and namespaces of some rows that follow each other.
pub struct Names<'a> {
    of: &'a RowReader,
    ids: Texts,
    namespaces: Option<Texts>,
    group: usize,
    /// Number of the first row in its row group.
    first: u64,
    count: usize,
    /// What the footer says of the ids of the row group.
    bounds: Option<(&'a [u8], &'a [u8])>,
}

impl Names<'_> {
    /// Returns the namespace, as it is written, and the id of each row, with the row's number in its row group.
    ///
    /// # Errors
    /// `Invalid` for a row without an id, which is no record; `Conflict` for an id that is not within the bounds that the
    /// footer gives, by which row groups are passed over.
    pub fn rows(&self) -> impl Iterator<Item = Result<(u64, &str, &str)>> {
        (0..self.count).map(|at| {
            let Some(id) = self.ids.get(at).filter(|id| !id.is_empty()) else {
                return Err(self.at(at, Error::invalid("the id is empty")));
            };
            let is_within = |(least, greatest): (&[u8], &[u8])| {
                least <= id.as_bytes() && id.as_bytes() <= greatest
            };
            if !self.bounds.is_none_or(is_within) {
                let message =
                    format!("`{}` is not within the bounds that the footer gives", named(id));
                let error = Error::new(crate::ErrorKind::Conflict, message).with_hint(
                    "the statistics of the file are wrong: write it anew, or without statistics of ids",
                );
                return Err(self.at(at, error));
            }
            let own = self.of.namespace().map_or("", Namespace::as_str);
            let namespace = match &self.namespaces {
                Some(names) => names.get(at).unwrap_or_default(),
                None => own,
            };
            Ok((self.first + at as u64, namespace, id))
        })
    }

    fn at(&self, row: usize, error: Error) -> Error {
        let row = self.of.group(self.group).start + self.first + row as u64 + 1;
        error.with_context("file", self.of.file.name()).with_context("row", row)
    }
}
