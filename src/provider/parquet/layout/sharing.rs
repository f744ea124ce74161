//! A file's columns while they are assigned.

use super::parts::Folders;
use crate::error::{Error, Result};
use crate::plan::file::{Columns, Ignored};
use crate::provider::parquet::kind::Kind;

/// A file's columns while they are assigned.
pub(super) struct Sharing<'a> {
    pub asked: &'a Columns,
    pub columns: &'a [(String, Kind)],
    pub folders: Vec<(String, Option<String>)>,
    pub is_used: Vec<bool>,
    /// Required columns that are missing: the part of a record, and the column that was looked for.
    pub missing: Vec<(&'static str, String)>,
}

impl<'a> Sharing<'a> {
    pub fn new(
        asked: &'a Columns,
        columns: &'a [(String, Kind)],
        folders: &Folders,
    ) -> Result<Self> {
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

    pub fn doubled(&self, folders: &Folders) -> Vec<String> {
        let is_own = |key: &str| self.folders.iter().any(|(own, _)| own == key);
        let keys = folders.columns.iter().map(|(key, _)| key);
        keys.filter(|key| !is_own(key)).cloned().collect()
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    pub fn folder(&self, name: &str) -> Option<usize> {
        self.folders.iter().position(|(key, _)| key == name)
    }

    /// Whether the plan names a column, or a folder's key, as one to pass over.
    pub fn is_ignored(&self, name: &str) -> bool {
        match &self.asked.ignore {
            Some(Ignored::Names(names)) => names.iter().any(|one| one == name),
            Some(Ignored::Word(_)) | None => false,
        }
    }

    /// Returns the column of a part of the record: the one that is asked for, which has to exist, or the one of its
    /// own name, unless the plan passes that over.
    pub fn part(
        &mut self,
        part: &'static str,
        asked: Option<&str>,
        is_needed: bool,
        fits: fn(&Kind) -> bool,
    ) -> Result<Option<usize>> {
        let name = asked.unwrap_or(part);
        let is_own = asked.is_some() || !self.is_ignored(name);
        let Some(at) = self.find(name).filter(|_| is_own) else {
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

    pub fn free(&self) -> Vec<String> {
        let columns = self.columns.iter().zip(&self.is_used).filter(|(_, is_used)| !**is_used);
        columns.map(|((name, _), _)| name.clone()).collect()
    }

    pub fn free_folders(&self) -> Vec<String> {
        self.folders.iter().map(|(key, _)| key.clone()).collect()
    }
}

pub(super) fn wanted(part: &str) -> &'static str {
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

pub(super) fn wrong(name: &str, kind: &Kind, wanted: &str) -> Error {
    Error::invalid(format!("column `{name}` is {}; {wanted}", kind.words()))
        .with_hint("map other columns, or pass it over on purpose, with `source.columns`")
}
