//! The columns of a file that hold vectors: those that the plan names, else those of the file's own note, else the usual
//! two.

use super::sharing::{Sharing, wanted, wrong};
use crate::error::{Error, Result};
use crate::model::{Element, Fidelity, VectorField, VectorKind, VectorName};
use crate::plan::file::{MetadataFrom, OTHERS};
use crate::provider::parquet::kind::Kind;
use crate::provider::parquet::note::Note;

/// A column with the vectors of a field.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::provider::parquet) struct VectorColumn {
    pub field: VectorField,
    /// The column's place in the file.
    pub at: usize,
}

/// Decides which fields are the only ones of their kind.
pub(crate) fn name_fields<'a>(fields: impl Iterator<Item = &'a mut VectorField>) {
    let mut fields: Vec<_> = fields.collect();
    let kinds: Vec<VectorKind> = fields.iter().map(|field| field.kind).collect();
    for field in &mut fields {
        let name = field.name.as_str();
        field.name = match kinds.iter().filter(|kind| **kind == field.kind).count() {
            1 => VectorName::only(name),
            _ => VectorName::of_several(name),
        };
    }
}

impl Sharing<'_> {
    /// Returns the columns of vectors.
    pub(super) fn vectors(&mut self, note: &Note) -> Result<Vec<VectorColumn>> {
        let asked = self.asked;
        let is_asked =
            asked.values.is_some() || asked.sparse_values.is_some() || !asked.vectors.is_empty();
        let mut found = match is_asked || note.vectors.is_empty() {
            true => self.asked_vectors(note)?,
            false => self.noted_vectors(note)?,
        };
        name_fields(found.iter_mut().map(|one| &mut one.field));
        Ok(found)
    }

    fn asked_vectors(&mut self, note: &Note) -> Result<Vec<VectorColumn>> {
        let asked = self.asked;
        let mut found = Vec::new();
        for (name, of) in &asked.vectors {
            let column = of.column().unwrap_or(name);
            let Some(at) = self.find(column) else {
                self.missing.push(("vectors", column.to_owned()));
                continue;
            };
            self.use_once(at)?;
            let own = &self.columns[at].1;
            if own.is_empty() {
                continue;
            }
            let kind = of.kind().or_else(|| own.vectors());
            let kind = kind.filter(|kind| own.holds(*kind));
            let kind = kind.ok_or_else(|| wrong(column, own, wanted_of(of.kind())))?;
            found.push(self.vector(name, at, kind, note));
        }
        let sparse = self.usual("sparse_values", asked.sparse_values.as_deref(), false)?;
        let is_needed = sparse.is_none() && asked.vectors.is_empty();
        let values = self.usual("values", asked.values.as_deref(), is_needed)?;
        let dense = values.map(|at| self.vector("values", at, VectorKind::Dense, note));
        let sparse = sparse.map(|at| self.vector("sparse_values", at, VectorKind::Sparse, note));
        found.extend(dense.into_iter().chain(sparse));
        Ok(found)
    }

    /// Returns one of the usual columns; none where the plan gives its name, or the column itself, to another vector, or to
    /// something else than a vector.
    fn usual(
        &mut self,
        part: &'static str,
        asked: Option<&str>,
        is_needed: bool,
    ) -> Result<Option<usize>> {
        if asked.is_none() {
            let is_used = self.find(part).is_some_and(|at| self.is_used[at]);
            if is_used || self.asked.vectors.contains_key(part) {
                return Ok(None);
            }
            if self.is_meant_otherwise(part) {
                if is_needed {
                    self.missing.push((part, part.to_owned()));
                }
                return Ok(None);
            }
        }
        let fits: fn(&Kind) -> bool = match part {
            "values" => |kind| kind.holds(VectorKind::Dense),
            _ => |kind| kind.holds(VectorKind::Sparse),
        };
        self.part(part, asked, is_needed, fits)
    }

    fn noted_vectors(&mut self, note: &Note) -> Result<Vec<VectorColumn>> {
        let mut found = Vec::new();
        for noted in &note.vectors {
            if self.is_meant_otherwise(&noted.column) {
                continue;
            }
            let column = &noted.column;
            let Some(at) = self.find(column) else {
                let message = format!(
                    "the footer says that the vector `{}` is in a column `{column}`, which is not there",
                    noted.name
                );
                return Err(Error::invalid(message).with_hint(
                    "say in the plan which there are, `source: { columns: { vectors: { … } } }`",
                ));
            };
            self.use_once(at)?;
            let own = &self.columns[at].1;
            if !own.holds(noted.kind) {
                return Err(wrong(column, own, wanted_of(Some(noted.kind))));
            }
            found.push(self.vector(&noted.name, at, noted.kind, note));
        }
        Ok(found)
    }

    /// Whether the plan says that a column is something else than a vector.
    fn is_meant_otherwise(&self, column: &str) -> bool {
        let is_it = |name: &String| name == column;
        self.is_ignored(column)
            || match &self.asked.metadata {
                Some(MetadataFrom::Fields(names)) => names.iter().any(is_it),
                Some(MetadataFrom::One(name)) => is_it(name) && name != OTHERS,
                None => false,
            }
    }

    fn use_once(&mut self, at: usize) -> Result<()> {
        match std::mem::replace(&mut self.is_used[at], true) {
            false => Ok(()),
            true => {
                let message =
                    format!("the column `{}` has another use already", self.columns[at].0);
                Err(Error::invalid(message))
            }
        }
    }

    /// Returns a column as a field, with what the file's note says of the column. Of 64-bit floats that the plan has rounded
    /// not every bit is read.
    fn vector(&self, name: &str, at: usize, kind: VectorKind, note: &Note) -> VectorColumn {
        let (column, own) = &self.columns[at];
        let usual = VectorField::usual(VectorName::of_several(name), kind);
        let noted = note.vectors.iter().find(|one| one.column == *column && one.kind == kind);
        let field = match noted {
            Some(noted) => VectorField { name: usual.name, ..noted.field() },
            None => VectorField { element: own.element().unwrap_or(usual.element), ..usual },
        };
        let is_rounded = self.asked.round && own.element() == Some(Element::F64);
        let fidelity = if is_rounded { Fidelity::Lossy } else { field.fidelity };
        VectorColumn { field: VectorField { fidelity, ..field }, at }
    }
}

fn wanted_of(kind: Option<VectorKind>) -> &'static str {
    match kind {
        None => wanted("vectors"),
        Some(VectorKind::Dense) => wanted("values"),
        Some(VectorKind::Sparse) => wanted("sparse_values"),
        Some(VectorKind::Multi) => "several vectors are a list of lists of floats",
    }
}
