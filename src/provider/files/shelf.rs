//! The files themselves: found, opened, counted and looked at when they are first needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::census::Census;
use super::doubles::refuse_doubles;
use super::kept::Snapshots;
use super::one_file::OneFile;
use super::survey;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Counted, Deployment, IndexDescription, IndexSpec, IndexStats, MetadataFields, Metric, Quality,
    Record, VectorField, VectorType,
};
use crate::plan::file::Columns;
use crate::provider::blocking;
use crate::provider::parquet::{BATCH_ROWS, Chosen, GroupRows, RowReader, is_named};
use crate::provider::storage::{Place, S3Options};
use crate::store::{Inventory, Sort};

/// The word and the words for what an index of files is.
pub(super) const KIND: &str = "files";
const WORDS: &str = "Parquet files";

/// Number of files whose first rows decide the dimension.
const LOOKED_AT: usize = 8;

/// Files that are opened at once.
const OPENED_AT_ONCE: usize = 8;

/// Returns the kind of an index of files. They do not say by which metric their vectors are compared.
fn deployment() -> Deployment {
    Deployment {
        kind: KIND.to_owned(),
        words: WORDS.to_owned(),
        title: WORDS.to_owned(),
        place: WORDS.to_owned(),
        filterable: None,
        knows_metric: false,
        vectors: VectorField::plain(),
        fields: MetadataFields::default(),
        native: serde_json::json!({ "other": WORDS }),
    }
}

/// The files, opened when they are first needed.
pub(super) struct Shelf {
    /// The name in the plan: a folder, a file or `s3://bucket/prefix`.
    pub name: String,
    base: PathBuf,
    s3: S3Options,
    columns: Columns,
    found: OnceCell<(Vec<OneFile>, Inventory)>,
    description: OnceCell<Option<IndexDescription>>,
    census: OnceCell<Census>,
    distinct: OnceCell<()>,
}

impl Shelf {
    pub fn new(name: &str, base: &Path, s3: S3Options, columns: Columns) -> Self {
        Self {
            name: name.to_owned(),
            base: base.to_owned(),
            s3,
            columns,
            found: OnceCell::new(),
            description: OnceCell::new(),
            census: OnceCell::new(),
            distinct: OnceCell::new(),
        }
    }

    /// Returns the files, opened, and what is not read beside them; empty if there are none.
    async fn found(&self) -> Result<&(Vec<OneFile>, Inventory)> {
        let found = self.found.get_or_try_init(|| self.open());
        found.await.map_err(|error| self.named(error))
    }

    fn named(&self, error: Error) -> Error {
        error.with_context("source", &self.name)
    }

    /// Returns the files in the order of their paths.
    ///
    /// # Errors
    /// Those of finding and opening them.
    pub async fn files(&self) -> Result<&[OneFile]> {
        Ok(&self.found().await?.0)
    }

    async fn open(&self) -> Result<(Vec<OneFile>, Inventory)> {
        let (mut inventory, mut snapshots) = (Inventory::default(), Snapshots::default());
        let (place, only) = self.place()?;
        let listed = match only {
            Some(only) => {
                place.list().await?.into_iter().filter(|file| file.path == only).collect()
            }
            None => survey::survey(&place, &mut snapshots, &mut inventory).await?,
        };
        let opened = listed.into_iter().map(|found| {
            let (place, columns) = (&place, self.columns.clone());
            let kept = snapshots.of(&found.path);
            OneFile::open(place, found, columns, kept)
        });
        let opened: Vec<_> = opened.collect();
        let files: Vec<_> = stream::iter(opened).buffered(OPENED_AT_ONCE).try_collect().await?;
        take_stock(&files, &self.columns, &mut inventory)?;
        Ok((files, inventory))
    }

    /// Returns the place of the files, and the one file that is meant if it is not all of them.
    fn place(&self) -> Result<(Place, Option<String>)> {
        if self.name.contains("://") {
            let (above, last) = self.name.rsplit_once('/').unwrap_or_default();
            return match is_named(last) {
                true => Ok((Place::read(above, &self.s3)?, Some(last.to_owned()))),
                false => Ok((Place::read(&self.name, &self.s3)?, None)),
            };
        }
        let path = std::path::absolute(self.base.join(&self.name))
            .map_err(|error| Error::io("the current folder is not known", error))?;
        let (folder, only) = match path.is_file() {
            true => (path.parent(), path.file_name().and_then(|name| name.to_str())),
            false => (Some(path.as_path()), None),
        };
        let uri = Place::uri_of_folder(folder.unwrap_or(&path))?;
        Ok((Place::read(&uri, &self.s3)?, only.map(str::to_owned)))
    }

    /// Returns what every row group holds, counted on first use.
    ///
    /// # Errors
    /// Those of the files.
    pub async fn census(&self) -> Result<&Census> {
        let census = self.census.get_or_try_init(|| async {
            let files = self.files().await?;
            Census::take(files).await.map_err(|error| self.named(error))
        });
        census.await
    }

    /// Refuses an id that is twice in a namespace; looks once.
    ///
    /// # Errors
    /// `Conflict` with both places.
    pub async fn refuse_doubles(&self) -> Result<()> {
        let distinct = self.distinct.get_or_try_init(|| async {
            let files = self.files().await?;
            refuse_doubles(files).await.map_err(|error| self.named(error))
        });
        distinct.await.copied()
    }

    /// Returns whether no id is twice, as far as was looked.
    pub fn is_distinct(&self) -> bool {
        self.distinct.initialized()
    }

    pub async fn description(&self) -> Result<Option<IndexDescription>> {
        self.description.get_or_try_init(|| self.look()).await.cloned()
    }

    /// Describes the files as an index. Files do not say how their vectors are compared: `cosine` stands in, or
    /// `dotproduct` if there are sparse values.
    async fn look(&self) -> Result<Option<IndexDescription>> {
        let (files, inventory) = self.found().await?;
        if files.is_empty() {
            return match inventory.has_passed_over(Sort::File) {
                true => Err(nothing_to_read(&self.name, inventory)),
                false => Ok(None),
            };
        }
        let dimension = self.dimension(files).await?;
        let has_sparse = files.iter().any(|file| file.rows.has_sparse());
        let is_sparse = dimension == 0 && has_sparse;
        let spec = IndexSpec {
            name: self.name.clone(),
            dimension: u32::try_from(dimension).ok().filter(|dimension| *dimension > 0),
            metric: if has_sparse { Metric::Dotproduct } else { Metric::Cosine },
            vector_type: if is_sparse { VectorType::Sparse } else { VectorType::Dense },
            deployment: deployment(),
            deletion_protection: false,
            tags: Default::default(),
        };
        Ok(Some(IndexDescription {
            spec,
            host: String::new(),
            collection: None,
            ready: true,
            state: "Ready".to_owned(),
        }))
    }

    /// Returns the dimension that most of the first rows have; 0 if none of them has a vector.
    async fn dimension(&self, files: &[OneFile]) -> Result<usize> {
        for file in files.iter().filter(|file| file.rows.count() > 0).take(LOOKED_AT) {
            let reader = file.rows.clone();
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            for record in blocking(move || first_records(&reader)).await? {
                *counts.entry(record.dense().dimension()).or_default() += 1;
            }
            counts.remove(&0);
            if let Some((dimension, _)) = counts.into_iter().max_by_key(|(_, count)| *count) {
                return Ok(dimension);
            }
        }
        Ok(0)
    }

    pub async fn stats(&self) -> Result<IndexStats> {
        let census = self.census().await?;
        let description = self.description().await?;
        let dimension = description.and_then(|description| description.spec.dimension);
        // Until somebody has looked, an id may be there twice.
        let of = if self.is_distinct() { Counted::Ids } else { Counted::Rows };
        let (total, namespaces) = (census.total(), census.counts());
        Ok(IndexStats { dimension, total, namespaces, of, quality: Quality::Exact })
    }

    pub async fn inventory(&self) -> Result<Option<Inventory>> {
        let (files, inventory) = self.found().await?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut inventory = inventory.clone();
        inventory.remarks.extend(self.census().await?.remark());
        Ok(Some(inventory))
    }
}

/// Returns the records of the first rows.
fn first_records(reader: &Arc<RowReader>) -> Result<Vec<Record>> {
    let filled = reader.groups().position(|rows| !rows.is_empty());
    let Some(group) = filled else { return Ok(Vec::new()) };
    let mut rows = GroupRows::open(reader.clone(), group, Chosen::From(0), BATCH_ROWS)?;
    let first = rows.next(&|_| true)?.unwrap_or_default();
    Ok(first.into_iter().map(|(_, record)| record).collect())
}

/// Counts the files, and the columns that are not read.
fn take_stock(files: &[OneFile], asked: &Columns, inventory: &mut Inventory) -> Result<()> {
    let mut absent: BTreeMap<String, u64> = BTreeMap::new();
    let (mut by_rows, mut empty, mut rounded) = (0, 0, 0);
    for file in files {
        inventory.files += 1;
        inventory.bytes += file.rows.bytes();
        inventory.rows += file.rows.count();
        by_rows += u64::from(file.rows.namespace().is_none());
        empty += u64::from(file.rows.count() == 0);
        rounded += u64::from(file.rows.is_rounded());
        let passed_over = file.rows.passed_over();
        for (names, reason) in [
            (&passed_over.ignored, "in `columns.ignore`"),
            (&passed_over.empty, "only nulls"),
            (&passed_over.doubled, "a folder's name, and a column of the file"),
        ] {
            names.iter().for_each(|name| inventory.pass_over(Sort::Column, reason, name));
        }
        for name in &passed_over.absent {
            *absent.entry(name.clone()).or_default() += 1;
        }
    }
    let all = inventory.files;
    if let Some((name, _)) = absent.iter().find(|(_, without)| **without == all) {
        return Err(Error::invalid(format!(
            "no file has the column `{name}` that `columns` names"
        )));
    }
    if asked.namespace.is_none() {
        inventory.remarks.extend(survey::remark_on_namespaces(by_rows, all - by_rows));
    }
    inventory.remarks.extend(survey::remark_on_absent(&absent, all));
    if empty > 0 {
        inventory.remarks.push(format!("files without rows: {empty} of {all}"));
    }
    if rounded > 0 {
        inventory.remarks.push(format!(
            "the vectors of {rounded} of {all} files are 64-bit floats, each rounded to the nearest 32-bit float"
        ));
    }
    Ok(())
}

fn nothing_to_read(name: &str, inventory: &Inventory) -> Error {
    let passed_over: Vec<_> = inventory.passed_over.iter().map(|one| one.sentence()).collect();
    let message = format!("`{name}` holds no Parquet file; {}", passed_over.join("; "));
    Error::new(ErrorKind::NotFound, message)
        .with_hint("check `source.index`: a relative path starts from the plan's folder")
}

#[cfg(test)]
/// Opens what is in a folder.
pub(super) async fn files_of(folder: &Path, columns: Columns) -> Vec<OneFile> {
    let name = folder.to_str().unwrap_or_default();
    let shelf = Shelf::new(name, folder, S3Options::default(), columns);
    match shelf.open().await {
        Ok((files, _)) => files,
        Err(error) => panic!("{error}"),
    }
}
