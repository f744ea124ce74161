//! Parquet files as a source: a folder or a bucket's prefix with files of records (see [`super::parquet`]).
//!
//! A record's namespace is in its row; if a file has no such column, it is the first folder in the file's path, as in
//! a bulk import. Every file is read, named as not read, or refused ([`survey`]), and so is every column of a
//! file. Files of a bucket are copied to a temporary folder when they are first needed. The places of all ids are
//! sorted once into a temporary file ([`places`]); records are then read by their row.

mod connector;
mod kept;
mod places;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{FutureExt, TryFutureExt};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub(super) use self::connector::ParquetFiles;
use self::kept::Snapshots;
use self::places::{Place as Row, Places};
use super::blocking;
use super::parquet::{BATCH_ROWS, RowReader, is_named};
use super::storage::{Found, Local, Place, S3Options};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Cursor, Deployment, Fidelity, IndexDescription, IndexSpec, IndexStats, Metric, Namespace,
    Range, Record, RecordId, VectorType,
};
use crate::plan::file::{Columns, NamedEnumeration};
use crate::store::calls::{Calls, Operation, Request};
use crate::store::read::{IdChunk, Ids, NoIds, Pages, Reading, pages_by_id};
use crate::store::{
    Asked, Describe, Fetch, Inventory, Limits, Opened, Promise, Scan, Scope, Sort, Source, Split,
    Store, Target,
};

/// Value of [`IndexSpec::deployment`] for files.
const KIND: &str = "Parquet files";

/// Number of files whose first rows decide the dimension.
const LOOKED_AT: usize = 8;

const LIMITS: Limits = Limits {
    upsert_records: 0,
    upsert_bytes: 0,
    fetch_ids: 1_000,
    delete_ids: 0,
    matches: 0,
    metadata_bytes: usize::MAX,
    id_chars: usize::MAX,
    dimension: u32::MAX,
    sparse_values: usize::MAX,
};

/// Returns the kind of an index of files. They do not say by which metric their vectors are compared.
fn deployment() -> Deployment {
    Deployment {
        kind: "other".to_owned(),
        words: KIND.to_owned(),
        title: KIND.to_owned(),
        place: KIND.to_owned(),
        filterable: None,
        knows_metric: false,
        fidelity: Fidelity::Bits,
        native: serde_json::json!({ "other": KIND }),
    }
}

/// Parquet files read as an index. Cloning shares what was found.
#[derive(Clone)]
pub struct Files {
    shelf: Arc<Shelf>,
    calls: Calls,
}

/// The files, opened when they are first needed.
struct Shelf {
    /// The name in the plan: a folder, a file or `s3://bucket/prefix`.
    name: String,
    base: PathBuf,
    s3: S3Options,
    columns: Columns,
    found: OnceCell<(Vec<OneFile>, Inventory)>,
    description: OnceCell<Option<IndexDescription>>,
    places: OnceCell<Arc<Places>>,
}

struct OneFile {
    /// Removed with this if it is a copy.
    _local: Local,
    path: String,
    rows: Arc<RowReader>,
}

impl Files {
    /// Makes the source without touching any file. A relative path starts from `base`; `columns` says where the parts
    /// of a record are.
    pub fn new(name: &str, base: &Path, s3: S3Options, columns: Columns) -> Self {
        let shelf = Shelf {
            name: name.to_owned(),
            base: base.to_owned(),
            s3,
            columns,
            found: OnceCell::new(),
            description: OnceCell::new(),
            places: OnceCell::new(),
        };
        Self { shelf: Arc::new(shelf), calls: Calls::bare() }
    }
}

impl Shelf {
    /// Returns the files, opened, and what is not read beside them; empty if there are none.
    async fn found(&self) -> Result<&(Vec<OneFile>, Inventory)> {
        let found = self.found.get_or_try_init(|| self.open());
        found.await.map_err(|error: Error| error.with_context("source", &self.name))
    }

    async fn files(&self) -> Result<&[OneFile]> {
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
        let mut files = Vec::with_capacity(listed.len());
        for found in listed {
            let local = place.open(&found.path).await?;
            let (columns, kept) = (self.columns.clone(), snapshots.of(&found.path));
            let opened = blocking(move || OneFile::open(local, &found, &columns, kept)).await?;
            files.push(opened);
        }
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

    /// Returns the places of all ids, which are sorted on first use.
    async fn places(&self) -> Result<Arc<Places>> {
        let places = self.places.get_or_try_init(|| async {
            let files = self.files().await?.iter();
            let files: Vec<_> = files.map(|file| (file.path.clone(), file.rows.clone())).collect();
            blocking(move || Places::sort(&files)).await.map(Arc::new)
        });
        places.await.cloned().map_err(|error: Error| error.with_context("source", &self.name))
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
            let rows: Vec<u64> = (0..reader.count().min(BATCH_ROWS as u64)).collect();
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            for record in blocking(move || reader.read(&rows)).await? {
                *counts.entry(record.dense().dimension()).or_default() += 1;
            }
            counts.remove(&0);
            if let Some((dimension, _)) = counts.into_iter().max_by_key(|(_, count)| *count) {
                return Ok(dimension);
            }
        }
        Ok(0)
    }

    /// Reads records by their rows, file by file.
    async fn read(&self, rows: BTreeSet<Row>) -> Result<Vec<Record>> {
        let files = self.files().await?;
        let mut records = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter().peekable();
        while let Some(first) = rows.next() {
            let mut wanted = vec![first.row];
            while let Some(next) = rows.next_if(|next| next.file == first.file) {
                wanted.push(next.row);
            }
            let file = files
                .get(first.file as usize)
                .ok_or_else(|| Error::unexpected("a record's file is not known"))?;
            let reader = file.rows.clone();
            records.extend(blocking(move || reader.read(&wanted)).await?);
        }
        Ok(records)
    }
}

impl OneFile {
    fn open(
        local: Local,
        found: &Found,
        columns: &Columns,
        kept: Option<(u64, String)>,
    ) -> Result<Self> {
        let bytes = std::fs::metadata(local.path())
            .map_err(|error| Error::io(format!("cannot read {}", found.path), error))?;
        survey::refuse_other_size(found, bytes.len())?;
        if let Some(kept) = kept {
            kept::refuse_damaged(&found.path, local.path(), &kept)?;
        }
        let rows =
            RowReader::open(local.path(), &found.path, columns, &survey::folders(&found.path))?;
        Ok(Self { _local: local, path: found.path.clone(), rows: Arc::new(rows) })
    }
}

/// Counts the files, and the columns that are not read.
fn take_stock(files: &[OneFile], asked: &Columns, inventory: &mut Inventory) -> Result<()> {
    let mut absent: BTreeMap<String, u64> = BTreeMap::new();
    let (mut by_rows, mut empty, mut rounded) = (0, 0, 0);
    for file in files {
        inventory.files += 1;
        inventory.bytes += file.rows.bytes();
        inventory.rows += file.rows.count();
        by_rows += u64::from(file.rows.has_namespaces());
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

impl Shelf {
    async fn stats(&self) -> Result<IndexStats> {
        let places = self.places().await?;
        let namespaces = places.counts();
        let total = namespaces.values().sum();
        let description = self.description.get_or_try_init(|| self.look()).await?;
        let dimension = description.as_ref().and_then(|description| description.spec.dimension);
        Ok(IndexStats { dimension, total, namespaces })
    }

    async fn inventory(&self) -> Result<Option<Inventory>> {
        let (files, inventory) = self.found().await?;
        Ok((!files.is_empty()).then(|| inventory.clone()))
    }

    async fn list(
        &self,
        namespace: &Namespace,
        after: Option<RecordId>,
        most: usize,
    ) -> Result<Vec<RecordId>> {
        let places = self.places().await?;
        let namespace = namespace.clone();
        let after = after.map(|id| id.to_string());
        blocking(move || places.after(&namespace, after.as_deref(), most)).await
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let places = self.places().await?;
        let (namespace, ids) = (namespace.clone(), ids.iter().cloned().collect());
        let rows = blocking(move || places.find(&namespace, &ids)).await?;
        self.read(rows).await
    }
}

impl Opened for Files {
    fn through(&self, calls: Calls) -> Arc<dyn Store> {
        Arc::new(Self { shelf: self.shelf.clone(), calls })
    }
}

impl Source for Files {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        Some(Arc::new(self.clone()))
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        Some(Arc::new(self.clone()))
    }
}

impl Target for Files {}

impl Store for Files {}

#[async_trait]
impl Describe for Files {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        let look = || {
            let shelf = &self.shelf;
            shelf.description.get_or_try_init(|| shelf.look()).map_ok(Clone::clone).boxed()
        };
        self.calls.call(Operation::new(Request::Describe), &look).await
    }

    async fn stats(&self) -> Result<IndexStats> {
        let stats = || self.shelf.stats().boxed();
        self.calls.call(Operation::new(Request::Stats), &stats).await
    }

    async fn inventory(&self) -> Result<Option<Inventory>> {
        let inventory = || self.shelf.inventory().boxed();
        self.calls.call(Operation::new(Request::Inventory), &inventory).await
    }
}

#[async_trait]
impl Fetch for Files {
    fn most(&self) -> usize {
        LIMITS.fetch_ids
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let operation = Operation::new(Request::Fetch).within(namespace).of(ids.len());
        let fetch = || self.shelf.fetch(namespace, ids).boxed();
        self.calls.call(operation, &fetch).await
    }
}

/// The one range of a namespace.
const LIST: &str = "list";

/// The id behind which a listing goes on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    After(String),
    /// As earlier versions wrote it.
    Page {
        after: String,
    },
}

/// The sorted ids of a namespace.
struct Listing {
    files: Files,
    namespace: Namespace,
    after: Option<RecordId>,
    is_over: bool,
}

#[async_trait]
impl Ids for Listing {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        if self.is_over {
            return Ok(None);
        }
        let most = most.max(1);
        let operation = Operation::new(Request::List).within(&self.namespace);
        let shelf = &self.files.shelf;
        let list = || shelf.list(&self.namespace, self.after.clone(), most).boxed();
        let ids = self.files.calls.call(operation, &list).await?;
        self.is_over = ids.len() < most;
        self.after = ids.last().cloned();
        let after = match (self.is_over, &self.after) {
            (false, Some(last)) => Cursor::at(&At::After(last.to_string())),
            _ => Cursor::End,
        };
        Ok(Some(IdChunk { ids, after }))
    }
}

#[async_trait]
impl Scan for Files {
    fn promise(&self) -> Promise {
        Promise::ONCE
    }

    fn whole(&self) -> Option<Range> {
        Some(Range::new(&LIST))
    }

    async fn split(&self, scope: Scope<'_>, asked: Asked) -> Result<Split> {
        let why = match asked.by {
            NamedEnumeration::Auto => "the source lists its ids",
            NamedEnumeration::List => "the plan says so",
            NamedEnumeration::Sweep | NamedEnumeration::Partition | NamedEnumeration::Staging => {
                let message = "files name all their ids: `enumerate` can only be `auto` or `list`";
                return Err(
                    Error::new(ErrorKind::Refused, message).with_hint("leave `enumerate` out")
                );
            }
        };
        Ok(Split::whole(Range::new(&LIST), scope.records, LIST, why))
    }

    fn is_bound(&self, _: &Range) -> bool {
        false
    }

    async fn recount(&self, _: &Namespace, _: &Range) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn ids(&self, scope: Scope<'_>, range: &Range, after: &Cursor) -> Result<Box<dyn Ids>> {
        if range.name() != LIST {
            let message = format!("a range of another kind of store: `{}`", range.name());
            return Err(Error::invalid(message));
        }
        if *after == Cursor::End {
            return Ok(Box::new(NoIds));
        }
        let after = match after.inside()? {
            Some(At::After(id) | At::Page { after: id }) => Some(RecordId::new(&id)),
            None => None,
        };
        let (files, namespace) = (self.clone(), scope.namespace.clone());
        Ok(Box::new(Listing { files, namespace, after, is_over: false }))
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages> {
        let ids = self.ids(scope, range, after).await?;
        Ok(pages_by_id(Arc::new(self.clone()), scope.namespace, ids, reading))
    }
}
