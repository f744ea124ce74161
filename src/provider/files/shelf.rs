//! The files themselves: found, opened, counted and looked at when they are first needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::agreed::Agreed;
use super::census::Census;
use super::doubles::refuse_doubles;
use super::kept::Snapshots;
use super::one_file::{OneFile, Opened};
use super::survey;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    AnyVector, Counted, Deployment, IdKind, IndexDescription, IndexSpec, IndexStats,
    MetadataFields, Metric, Quality, Record, VectorField, VectorKind, VectorType,
};
use crate::plan::file::Columns;
use crate::provider::parquet::{BATCH_ROWS, Chosen, GroupRows, RowReader, is_named};
use crate::storage::{Place, S3Options};
use crate::store::{Inventory, Sort};

/// The word and the words for what an index of files is.
pub(super) const KIND: &str = "files";
const WORDS: &str = "Parquet files";

/// Number of files whose first rows decide the dimension.
const LOOKED_AT: usize = 8;

/// Files that are opened at once.
const OPENED_AT_ONCE: usize = 8;

/// Returns the kind of an index of files with these vectors. Most do not say by which metric these are compared.
fn deployment(vectors: Vec<VectorField>, knows_metric: bool) -> Deployment {
    Deployment {
        kind: KIND.to_owned(),
        words: WORDS.to_owned(),
        title: WORDS.to_owned(),
        place: WORDS.to_owned(),
        filterable: None,
        knows_metric,
        vectors,
        fields: MetadataFields::default(),
        native: serde_json::json!({ "other": WORDS }),
    }
}

/// What is on the shelf.
struct Contents {
    files: Vec<OneFile>,
    agreed: Agreed,
    /// What is not read beside the files.
    inventory: Inventory,
}

/// The files, opened when they are first needed.
pub(super) struct Shelf {
    /// The name in the plan: a folder, a file or `s3://bucket/prefix`.
    pub name: String,
    base: PathBuf,
    s3: S3Options,
    columns: Columns,
    found: OnceCell<Contents>,
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

    /// Returns the files, opened; empty if there are none.
    async fn found(&self) -> Result<&Contents> {
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
        Ok(&self.found().await?.files)
    }

    /// Returns the kind of the ids of all files.
    ///
    /// # Errors
    /// Those of [`Shelf::files`].
    pub async fn ids(&self) -> Result<IdKind> {
        Ok(self.found().await?.agreed.ids)
    }

    /// Returns it once the files have been opened.
    pub fn ids_if_known(&self) -> Option<IdKind> {
        self.found.get().map(|found| found.agreed.ids)
    }

    async fn open(&self) -> Result<Contents> {
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
            Opened::open(place, found, columns, kept)
        });
        let opened: Vec<_> = opened.collect();
        let opened: Vec<_> = stream::iter(opened).buffered(OPENED_AT_ONCE).try_collect().await?;
        let agreed = Agreed::of(&opened)?;
        let files: Vec<_> =
            opened.into_iter().map(|one| OneFile::new(one, agreed.ids, &agreed.fields)).collect();
        take_stock(&files, &self.columns, &mut inventory)?;
        inventory.remarks.extend(agreed.remark.clone());
        Ok(Contents { files, agreed, inventory })
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

    /// Describes the files as an index. Where nothing says how their vectors are compared, `cosine` stands in, or
    /// `dotproduct` if there are sparse values.
    async fn look(&self) -> Result<Option<IndexDescription>> {
        let Contents { files, agreed, inventory } = self.found().await?;
        if files.is_empty() {
            return match inventory.has_passed_over(Sort::File) {
                true => Err(nothing_to_read(&self.name, inventory)),
                false => Ok(None),
            };
        }
        let mut fields = agreed.fields.clone();
        measure(files, &mut fields).await?;
        let dense = fields.iter().find(|field| field.kind == VectorKind::Dense);
        let (dimension, metric) = match dense {
            Some(dense) => (dense.dimension, dense.metric),
            None => (None, None),
        };
        let has_sparse = files.iter().any(|file| file.rows.has_sparse());
        let is_sparse = dimension.is_none() && has_sparse;
        let guess = if has_sparse { Metric::Dotproduct } else { Metric::Cosine };
        match &mut fields[..] {
            _ if agreed.is_plain() => fields = VectorField::plain(),
            // Of an index with one field they are the index's own.
            [only] => (only.dimension, only.metric) = (None, None),
            _ => {}
        }
        let spec = IndexSpec {
            name: self.name.clone(),
            dimension,
            metric: metric.unwrap_or(guess),
            vector_type: if is_sparse { VectorType::Sparse } else { VectorType::Dense },
            deployment: deployment(fields, metric.is_some()),
            deletion_protection: false,
            tags: Default::default(),
        };
        Ok(Some(IndexDescription {
            spec,
            host: String::new(),
            collection: None,
            marks: BTreeMap::new(),
            ready: true,
            state: "Ready".to_owned(),
        }))
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
        let Contents { files, inventory, .. } = self.found().await?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut inventory = inventory.clone();
        inventory.remarks.extend(self.census().await?.remark());
        Ok(Some(inventory))
    }
}

/// Finds the lengths of vectors of which no file says it: that which most of the first rows have where any has one.
async fn measure(files: &[OneFile], fields: &mut [VectorField]) -> Result<()> {
    for file in files.iter().filter(|file| file.rows.count() > 0).take(LOOKED_AT) {
        if fields.iter().all(|field| field.dimension.is_some() || length_of(field).is_none()) {
            break;
        }
        let reader = file.rows.clone();
        let records = blocking(move || first_records(&reader)).await?;
        for field in fields.iter_mut().filter(|field| field.dimension.is_none()) {
            let Some(length) = length_of(field) else { continue };
            let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
            let own = records.iter().filter_map(|record| record.vectors.get(field.name.as_str()));
            for length in own.filter_map(length).filter(|length| *length > 0) {
                *counts.entry(length).or_default() += 1;
            }
            field.dimension =
                counts.into_iter().max_by_key(|(_, count)| *count).map(|(length, _)| length);
        }
    }
    Ok(())
}

/// Returns what tells the length of a vector of a field; `None` for sparse ones, which have none.
fn length_of(field: &VectorField) -> Option<fn(&AnyVector) -> Option<u32>> {
    match field.kind {
        VectorKind::Sparse => None,
        VectorKind::Dense | VectorKind::Multi => Some(|vector| match vector {
            AnyVector::Dense(dense) => u32::try_from(dense.dimension()).ok(),
            AnyVector::Multi(several) => Some(several.dimension()),
            AnyVector::Sparse(_) => None,
        }),
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
        Ok(Contents { files, .. }) => files,
        Err(error) => panic!("{error}"),
    }
}
