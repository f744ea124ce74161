//! Assignment of a file's columns to the parts of a record that the plan asks for. Nothing is left over in silence: a
//! column is read, named as not read, or refused.

mod suggest;
mod vectors;

use parquet::file::metadata::ParquetMetaData;

use self::suggest::suggest;
pub(super) use self::vectors::VectorColumn;
pub(crate) use self::vectors::name_fields;
use super::kind::Kind;
use super::note::Note;
use crate::error::{Error, Result};
use crate::model::{IdKind, Namespace, RecordId};
use crate::plan::file::{Columns, Ignored, MetadataFrom, NamespaceFrom, OTHERS};

/// Facts about a file's rows that its path gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The namespace if nothing else gives one.
    pub namespace: Namespace,
    /// Folders of the form `key=value`, which count as columns; `None` stands for null.
    pub columns: Vec<(String, Option<String>)>,
}

impl Default for Folders {
    fn default() -> Self {
        Self { namespace: Namespace::from(""), columns: Vec::new() }
    }
}

/// Treatment of columns that no part of a record is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    Refused,
    /// Ignored, as a service's bulk import does.
    PassedOver,
}

/// Columns of a file that are parts of a record. A number is the column's place in the file.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub id: usize,
    /// The kind of the ids, as far as their texts have a form of it.
    pub ids: IdKind,
    pub vectors: Vec<VectorColumn>,
    pub namespace: NamespaceOf,
    pub metadata: MetadataOf,
    /// True if floats that no 32-bit float equals are rounded.
    pub is_rounding: bool,
    /// All columns that are read, in the file's order.
    pub read: Vec<usize>,
    pub passed_over: PassedOver,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NamespaceOf {
    Column(usize),
    Constant(Namespace),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum MetadataOf {
    Nothing,
    Whole(usize),
    Fields {
        columns: Vec<(String, usize)>,
        /// Columns from the folders in the file's path.
        constants: Vec<(String, String)>,
    },
}

/// Columns of a file that are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Columns that the plan ignores.
    pub ignored: Vec<String>,
    /// Columns with nothing in them.
    pub empty: Vec<String>,
    /// Folders `key=value` whose key is also a column of the file, which counts.
    pub doubled: Vec<String>,
    /// Columns that were asked for and are not in this file.
    pub absent: Vec<String>,
}

/// A file's columns while they are assigned.
struct Sharing<'a> {
    asked: &'a Columns,
    columns: &'a [(String, Kind)],
    folders: Vec<(String, Option<String>)>,
    is_used: Vec<bool>,
    /// Required columns that are missing: the part of a record, and the column that was looked for.
    missing: Vec<(&'static str, String)>,
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

impl<'a> Sharing<'a> {
    fn new(asked: &'a Columns, columns: &'a [(String, Kind)], folders: &Folders) -> Result<Self> {
        for (at, (name, _)) in columns.iter().enumerate() {
            if columns[..at].iter().any(|(other, _)| other == name) {
                let message =
                    format!("there are two columns `{name}`: which one counts is unknown");
                return Err(Error::invalid(message).with_hint("give one of them another name"));
            }
        }
        let mut own: Vec<(String, Option<String>)> = Vec::new();
        for (key, value) in &folders.columns {
            if own.iter().any(|(other, _)| other == key) {
                let message = format!("two folders on the way to the file say what `{key}` is");
                return Err(Error::invalid(message));
            }
            if !columns.iter().any(|(name, _)| name == key) {
                own.push((key.clone(), value.clone()));
            }
        }
        let is_used = vec![false; columns.len()];
        Ok(Self { asked, columns, folders: own, is_used, missing: Vec::new() })
    }

    fn doubled(&self, folders: &Folders) -> Vec<String> {
        let is_own = |key: &str| self.folders.iter().any(|(own, _)| own == key);
        let keys = folders.columns.iter().map(|(key, _)| key);
        keys.filter(|key| !is_own(key)).cloned().collect()
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    fn folder(&self, name: &str) -> Option<usize> {
        self.folders.iter().position(|(key, _)| key == name)
    }

    /// Returns the column of a part of the record: the one that is asked for, which has to exist, or the one of its
    /// own name.
    fn part(
        &mut self,
        part: &'static str,
        asked: Option<&str>,
        is_needed: bool,
        fits: fn(&Kind) -> bool,
    ) -> Result<Option<usize>> {
        let name = asked.unwrap_or(part);
        let Some(at) = self.find(name) else {
            if is_needed || asked.is_some() {
                self.missing.push((part, name.to_owned()));
            }
            return Ok(None);
        };
        let kind = &self.columns[at].1;
        self.is_used[at] = true;
        if kind.is_empty() && part != "id" {
            return Ok(None);
        }
        match fits(kind) {
            true => Ok(Some(at)),
            false => Err(wrong(name, kind, wanted(part))),
        }
    }

    fn namespace(&mut self, folders: &Folders) -> Result<NamespaceOf> {
        let asked = match &self.asked.namespace {
            Some(NamespaceFrom::Constant(constant)) => {
                return Ok(NamespaceOf::Constant(Namespace::new(&*constant.constant)));
            }
            Some(NamespaceFrom::Column(name)) => Some(name.as_str()),
            None => None,
        };
        if let Some(folder) = self.folder(asked.unwrap_or("namespace")) {
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
                    columns.push((name.clone(), at));
                } else {
                    return Err(wrong(name, kind, wanted("field")));
                }
                self.is_used[at] = true;
            } else if let Some(at) = self.folder(name) {
                let value = self.folders.remove(at).1;
                constants.extend(value.map(|value| (name.clone(), value)));
            } else {
                passed_over.absent.push(name.clone());
            }
        }
        Ok(MetadataOf::Fields { columns, constants })
    }

    fn free(&self) -> Vec<String> {
        let columns = self.columns.iter().zip(&self.is_used).filter(|(_, is_used)| !**is_used);
        columns.map(|((name, _), _)| name.clone()).collect()
    }

    fn free_folders(&self) -> Vec<String> {
        self.folders.iter().map(|(key, _)| key.clone()).collect()
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
            said.push(format!("there is no column `{name}`"));
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

fn wanted(part: &str) -> &'static str {
    match part {
        "id" => "an id is text, a whole number or a UUID",
        "namespace" => "a namespace is text, a whole number or a UUID",
        "values" => "a vector is a list of floats",
        "sparse_values" => {
            "sparse values are a struct of the lists `indices` and `values`, or a map from index to value"
        }
        "vectors" => {
            "vectors are lists of floats, lists of such lists, or sparse values: a struct of the lists `indices` and `values`, or a map from index to value"
        }
        "metadata" => "metadata is JSON text, a struct, or a map with keys of text",
        _ => "a field is text, a number, a boolean, a date or time, or a list of them",
    }
}

fn wrong(name: &str, kind: &Kind, wanted: &str) -> Error {
    Error::invalid(format!("column `{name}` is {}; {wanted}", kind.words()))
        .with_hint("map other columns, or pass it over on purpose, with `source.columns`")
}
