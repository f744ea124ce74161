//! Assignment of a file's columns to the parts of a record that the plan asks for. Nothing is left over in silence: a
//! column is read, named as not read, or refused.

mod parts;
mod sharing;
mod suggest;
mod vectors;

use parquet::file::metadata::ParquetMetaData;

pub use self::parts::{Folders, PassedOver};
pub(super) use self::parts::{MetadataOf, NamespaceOf, Unread};
use self::sharing::{Sharing, wanted, wrong};
use self::suggest::suggest;
pub(super) use self::vectors::VectorColumn;
pub(crate) use self::vectors::name_fields;
use super::kind::Kind;
use super::note::Note;
use crate::error::{Error, Result};
use crate::model::{IdKind, Namespace, RecordId};
use crate::plan::file::{Columns, Ignored, MetadataFrom, NamespaceFrom, OTHERS};

/// Columns of a file that are parts of a record. A number is the column's place in the file.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub id: usize,
    /// The kind of the ids, as far as their texts have a form of it.
    pub ids: IdKind,
    pub vectors: Vec<VectorColumn>,
    pub namespace: NamespaceOf,
    pub metadata: MetadataOf,
    /// True if values that JSON has not stand under tags.
    pub is_tagged: bool,
    /// True if floats that no 32-bit float equals are rounded.
    pub is_rounding: bool,
    /// All columns that are read, in the file's order.
    pub read: Vec<usize>,
    pub passed_over: PassedOver,
}

impl Layout {
    pub fn new(
        asked: &Columns,
        columns: &[(String, Kind)],
        note: &Note,
        folders: &Folders,
        unread: Unread,
    ) -> Result<Self> {
        let mut sharing = Sharing::new(asked, columns, folders)?;
        let id = sharing.part("id", asked.id.as_deref(), true, Kind::is_id)?;
        let vectors = sharing.vectors(note)?;
        let namespace = sharing.namespace(folders)?;
        let mut passed_over =
            PassedOver { doubled: sharing.doubled(folders), ..Default::default() };
        let ignored = sharing.ignored();
        let metadata = sharing.metadata(&mut passed_over)?;
        passed_over.ignored = ignored;
        let left = sharing.left(&mut passed_over, unread);
        let (Some(id), []) = (id.filter(|_| sharing.missing.is_empty()), left.as_slice()) else {
            return Err(sharing.refusal(&left));
        };
        let mut layout = Self {
            id,
            ids: ids(asked, &columns[id].1, note),
            vectors,
            namespace,
            metadata,
            is_tagged: note.tagged,
            is_rounding: asked.round,
            read: Vec::new(),
            passed_over,
        };
        layout.read = layout.roots();
        Ok(layout)
    }

    fn roots(&self) -> Vec<usize> {
        let mut roots = vec![self.id];
        roots.extend(self.vectors.iter().map(|vector| vector.at));
        if let NamespaceOf::Column(at) = self.namespace {
            roots.push(at);
        }
        match &self.metadata {
            MetadataOf::Nothing => {}
            MetadataOf::Whole(at) => roots.push(*at),
            MetadataOf::Fields { columns, .. } => roots.extend(columns.iter().map(|(_, at)| *at)),
        }
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// Returns the id with this text. Negative numbers stay texts, which no other number can be.
    pub fn id(&self, text: &str) -> RecordId {
        let id = RecordId::from(text);
        match self.ids {
            IdKind::Text => id,
            kind => id.to(kind).unwrap_or(id),
        }
    }

    /// Returns the columns that hold ids and namespaces.
    pub fn names(&self) -> Vec<usize> {
        let mut names = vec![self.id];
        if let NamespaceOf::Column(at) = self.namespace {
            names.push(at);
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Returns the kind of the ids of a column: its own, or of texts what the file's note says of the usual column.
fn ids(asked: &Columns, column: &Kind, note: &Note) -> IdKind {
    let own = column.ids().unwrap_or(IdKind::Text);
    let noted = note.ids.filter(|_| own == IdKind::Text && asked.id.is_none());
    noted.unwrap_or(own)
}

impl Sharing<'_> {
    fn namespace(&mut self, folders: &Folders) -> Result<NamespaceOf> {
        let asked = match &self.asked.namespace {
            Some(NamespaceFrom::Constant(constant)) => {
                return Ok(NamespaceOf::Constant(Namespace::new(&*constant.constant)));
            }
            Some(NamespaceFrom::Column(name)) => Some(name.as_str()),
            None => None,
        };
        let is_own = asked.is_some() || !self.is_ignored("namespace");
        let folder = self.folder(asked.unwrap_or("namespace")).filter(|_| is_own);
        if let Some(folder) = folder {
            let value = self.folders.remove(folder).1.unwrap_or_default();
            return Ok(NamespaceOf::Constant(Namespace::new(value)));
        }
        let column = self.part("namespace", asked, false, Kind::is_text)?;
        let own = || NamespaceOf::Constant(folders.namespace.clone());
        Ok(column.map_or_else(own, NamespaceOf::Column))
    }

    /// Takes out the columns that the plan ignores.
    fn ignored(&mut self) -> Vec<String> {
        let Some(Ignored::Names(names)) = &self.asked.ignore else { return Vec::new() };
        let mut ignored = Vec::new();
        for name in names {
            if let Some(at) = self.find(name).filter(|at| !self.is_used[*at]) {
                self.is_used[at] = true;
                ignored.push(name.clone());
            } else if let Some(at) = self.folder(name) {
                self.folders.remove(at);
                ignored.push(name.clone());
            }
        }
        ignored
    }

    fn metadata(&mut self, passed_over: &mut PassedOver) -> Result<MetadataOf> {
        let whole = match &self.asked.metadata {
            Some(MetadataFrom::Fields(names)) => return self.fields(&names.clone(), passed_over),
            Some(MetadataFrom::One(word)) if word == OTHERS => {
                let names = self.free().into_iter().chain(self.free_folders()).collect::<Vec<_>>();
                return self.fields(&names, passed_over);
            }
            Some(MetadataFrom::One(name)) => Some(name.clone()),
            None => None,
        };
        let column = self.part("metadata", whole.as_deref(), false, Kind::is_metadata)?;
        Ok(column.map_or(MetadataOf::Nothing, MetadataOf::Whole))
    }

    fn fields(&mut self, names: &[String], passed_over: &mut PassedOver) -> Result<MetadataOf> {
        let (mut columns, mut constants) = (Vec::new(), Vec::new());
        for name in names {
            if let Some(at) = self.find(name) {
                let kind = &self.columns[at].1;
                if kind.is_empty() {
                    passed_over.empty.push(name.clone());
                } else if kind.is_field() {
                    columns.push((name.as_str().into(), at));
                } else {
                    return Err(wrong(name, kind, wanted("field")));
                }
                self.is_used[at] = true;
            } else if let Some(at) = self.folder(name) {
                let value = self.folders.remove(at).1;
                constants.extend(value.map(|value| (name.as_str().into(), value)));
            } else {
                passed_over.absent.push(name.clone());
            }
        }
        Ok(MetadataOf::Fields { columns, constants })
    }

    /// Returns the columns that are still unassigned, except those that may be.
    fn left(&mut self, passed_over: &mut PassedOver, unread: Unread) -> Vec<String> {
        let mut left = Vec::new();
        for name in self.free() {
            let is_empty = self.find(&name).is_some_and(|at| self.columns[at].1.is_empty());
            if is_empty { passed_over.empty.push(name) } else { left.push(name) }
        }
        left.extend(self.free_folders());
        let may_be = matches!(self.asked.ignore, Some(Ignored::Word(_)));
        if may_be || unread == Unread::PassedOver {
            passed_over.ignored.append(&mut left);
        }
        left
    }

    /// Names what is missing and what is left over, with the mapping that would take them.
    fn refusal(&self, left: &[String]) -> Error {
        let mut said: Vec<String> = Vec::new();
        for (_, name) in &self.missing {
            said.push(match self.find(name) {
                None => format!("there is no column `{name}`"),
                Some(_) => {
                    format!("the column `{name}` is needed, and the plan gives it another use")
                }
            });
        }
        if !left.is_empty() && self.missing.is_empty() {
            let names: Vec<_> = left.iter().map(|name| format!("`{name}`")).collect();
            let (columns, are) = match names.len() {
                1 => ("column", "is"),
                _ => ("columns", "are"),
            };
            said.push(format!("{columns} {} {are} read as no part of a record", names.join(", ")));
        }
        let there = self.columns.iter().map(|(name, kind)| format!("`{name}` ({})", kind.words()));
        let folders = self.folders.iter().map(|(key, _)| format!("`{key}` (folder)"));
        let there: Vec<_> = there.chain(folders).collect();
        let message = format!("{}; there are: {}", said.join(", "), there.join(", "));
        Error::invalid(message).with_hint(suggest(self.asked, self.columns, &self.folders, left))
    }
}

/// Refuses files whose columns are compressed in a way that cannot be read.
pub(super) fn check_codecs(metadata: &ParquetMetaData, read: &[usize]) -> Result<()> {
    use parquet::basic::Compression;
    let schema = metadata.file_metadata().schema_descr();
    for group in metadata.row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            let is_read = read.contains(&schema.get_column_root_idx(leaf));
            if is_read && matches!(column.compression(), Compression::LZO) {
                let name = column.column_path().string();
                let message = format!("column `{name}` is compressed with LZO, which is not read");
                return Err(Error::invalid(message).with_hint("write the file with another codec"));
            }
        }
    }
    Ok(())
}
