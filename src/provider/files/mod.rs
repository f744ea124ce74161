//! Parquet files as a source: a folder or a bucket's prefix with files of records (see [`super::parquet`]).
//!
//! A record's namespace is in its row; where a file has no such column, it is the first folder on the way to the file,
//! which is how Pinecone imports. Files of a bucket are copied to a temporary folder when they are first needed. The
//! places of all ids are sorted once into a temporary file ([`places`]); records are then read by their row.

mod places;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use self::places::{Place as Row, Places};
use super::parquet::RowReader;
use super::storage::{Local, Place, S3Options};
use super::{
    Admin, Capabilities, Collection, Filter, IdPage, Import, IndexChange, Limits, Match, Query,
    Source, Target, Upserted, blocking,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Deployment, IndexDescription, IndexSpec, IndexStats, Metric, Namespace, Record, RecordId,
    VectorType,
};

/// What [`IndexSpec::deployment`] says of files.
const KIND: &str = "Parquet files";

const ENDING: &str = ".parquet";

/// Ids of one page.
const PAGE: usize = 100;

const LIMITS: Limits = Limits {
    upsert_records: 0,
    upsert_bytes: 0,
    fetch_ids: 1_000,
    delete_ids: 0,
    top_k: 0,
    metadata_bytes: usize::MAX,
    id_chars: usize::MAX,
    dimension: u32::MAX,
    sparse_values: usize::MAX,
};

/// Parquet files that are read as an index.
pub struct Files {
    /// As the plan names it: a folder, a file or `s3://bucket/prefix`.
    name: String,
    base: PathBuf,
    s3: S3Options,
    found: OnceCell<Vec<OneFile>>,
    description: OnceCell<Option<IndexDescription>>,
    places: OnceCell<Arc<Places>>,
}

struct OneFile {
    /// Goes when this does, where it is a copy.
    _local: Local,
    path: String,
    /// The namespace of every row; `None` where the rows say it.
    namespace: Option<Namespace>,
    rows: Arc<RowReader>,
}

impl Files {
    /// Touches nothing yet. A relative path starts from `base`.
    pub fn new(name: &str, base: &Path, s3: S3Options) -> Self {
        Self {
            name: name.to_owned(),
            base: base.to_owned(),
            s3,
            found: OnceCell::new(),
            description: OnceCell::new(),
            places: OnceCell::new(),
        }
    }

    /// The files, opened; none where there are none.
    async fn found(&self) -> Result<&[OneFile]> {
        let found = self.found.get_or_try_init(|| async {
            let (place, only) = self.place()?;
            let mut found = Vec::new();
            for file in place.list().await? {
                let is_meant = only.as_ref().is_none_or(|only| *only == file.path);
                if is_meant && is_data(&file.path) {
                    let local = place.open(&file.path).await?;
                    let path = file.path.clone();
                    let opened = blocking(move || OneFile::open(local, path)).await;
                    found.push(opened.map_err(|error| error.with_context("file", &file.path))?);
                }
            }
            Ok(found)
        });
        found
            .await
            .map(Vec::as_slice)
            .map_err(|error: Error| error.with_context("source", &self.name))
    }

    /// Where the files are, and the one that is meant where it is not all.
    fn place(&self) -> Result<(Place, Option<String>)> {
        if self.name.contains("://") {
            let (above, last) = self.name.rsplit_once('/').unwrap_or_default();
            return match last.ends_with(ENDING) {
                true => Ok((Place::read(above, &self.s3)?, Some(last.to_owned()))),
                false => Ok((Place::read(&self.name, &self.s3)?, None)),
            };
        }
        let path = std::path::absolute(self.base.join(&self.name))
            .map_err(|error| Error::io("cannot tell the current folder", error))?;
        let (folder, only) = match path.is_file() {
            true => (path.parent(), path.file_name().and_then(|name| name.to_str())),
            false => (Some(path.as_path()), None),
        };
        let uri = Place::uri_of_folder(folder.unwrap_or(&path))?;
        Ok((Place::read(&uri, &self.s3)?, only.map(str::to_owned)))
    }

    /// The places of all ids, sorted when they are first asked for.
    async fn places(&self) -> Result<Arc<Places>> {
        let places = self.places.get_or_try_init(|| async {
            let files = self.found().await?;
            let files: Vec<_> = files
                .iter()
                .map(|file| (file.path.clone(), file.namespace.clone(), file.rows.clone()))
                .collect();
            blocking(move || Places::sort(&files)).await.map(Arc::new)
        });
        places.await.cloned().map_err(|error: Error| error.with_context("source", &self.name))
    }

    /// The dimension is that of the first record. What the vectors are compared by is not in files: `cosine` stands for
    /// it, `dotproduct` where there are sparse values.
    async fn look(&self) -> Result<Option<IndexDescription>> {
        let files = self.found().await?;
        let Some(file) = files.iter().find(|file| file.rows.count() > 0).or(files.first()) else {
            return Ok(None);
        };
        let reader = file.rows.clone();
        let first = blocking(move || reader.read(&[0])).await?.into_iter().next();
        let dimension = first.as_ref().map_or(0, |record| record.vector.dimension());
        let has_sparse = files.iter().any(|file| file.rows.has_sparse());
        let is_sparse = dimension == 0 && has_sparse;
        let spec = IndexSpec {
            name: self.name.clone(),
            dimension: u32::try_from(dimension).ok().filter(|dimension| *dimension > 0),
            metric: if has_sparse { Metric::Dotproduct } else { Metric::Cosine },
            vector_type: if is_sparse { VectorType::Sparse } else { VectorType::Dense },
            deployment: Deployment::Other(KIND.to_owned()),
            deletion_protection: false,
            tags: Default::default(),
        };
        Ok(Some(IndexDescription {
            spec,
            host: String::new(),
            ready: true,
            state: "Ready".to_owned(),
        }))
    }

    /// Records by their rows, file by file.
    async fn read(&self, rows: BTreeSet<Row>) -> Result<Vec<Record>> {
        let files = self.found().await?;
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

/// Whether a path is one of a file of records: not below a hidden folder, such as that of a run's state, and not one
/// that an import wrote on its way.
fn is_data(path: &str) -> bool {
    let is_hidden = |part: &str| part.starts_with('.') || part.starts_with("vecshift-import-");
    path.ends_with(ENDING) && !path.split('/').any(is_hidden)
}

impl OneFile {
    fn open(local: Local, path: String) -> Result<Self> {
        let rows = RowReader::open(local.path())?;
        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
        let namespace = (!rows.has_namespaces()).then(|| Namespace::new(folder));
        Ok(Self { _local: local, path, namespace, rows: Arc::new(rows) })
    }
}

fn only_read<T>(operation: &'static str) -> Result<T> {
    Err(Error::unsupported("Parquet files are only read").with_operation(operation))
}

#[async_trait]
impl Source for Files {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: true,
            filtered_count: false,
            lsn: false,
            sparse: true,
            query: false,
            limits: LIMITS,
        }
    }

    async fn describe(&self) -> Result<Option<IndexDescription>> {
        self.description.get_or_try_init(|| self.look()).await.cloned()
    }

    async fn stats(&self) -> Result<IndexStats> {
        let places = self.places().await?;
        let namespaces = places.counts();
        let total = namespaces.values().sum();
        let dimension = self.describe().await?.and_then(|description| description.spec.dimension);
        Ok(IndexStats { dimension, total, namespaces })
    }

    async fn filtered_stats(&self, _: &Filter) -> Result<IndexStats> {
        only_read("filtered_stats")
    }

    async fn list(&self, namespace: &Namespace, page: Option<&str>) -> Result<IdPage> {
        let places = self.places().await?;
        let (namespace, after) = (namespace.clone(), page.map(str::to_owned));
        let ids = blocking(move || places.after(&namespace, after.as_deref(), PAGE)).await?;
        let is_full = ids.len() == PAGE;
        let next = ids.last().filter(|_| is_full).map(|id| id.as_str().to_owned());
        Ok(IdPage { ids, next })
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let places = self.places().await?;
        let (namespace, ids) = (namespace.clone(), ids.iter().cloned().collect());
        let rows = blocking(move || places.find(&namespace, &ids)).await?;
        self.read(rows).await
    }

    async fn query(&self, _: &Namespace, _: &Query) -> Result<Vec<Match>> {
        Err(Error::unsupported("Parquet files answer no queries").with_operation("query"))
    }

    async fn is_visible(&self, _: &Namespace, _: u64) -> Result<Option<bool>> {
        Ok(None)
    }
}

/// Only what a rollback may ask does not fail: there is nothing of a run in files.
#[async_trait]
impl Target for Files {
    async fn create(&self, _: &IndexSpec) -> Result<()> {
        only_read("create")
    }

    async fn upsert(&self, _: &Namespace, _: &[Record]) -> Result<Upserted> {
        only_read("upsert")
    }

    async fn create_collection(&self, _: &str) -> Result<()> {
        only_read("create_collection")
    }

    async fn collection(&self, _: &str) -> Result<Option<Collection>> {
        Ok(None)
    }

    async fn create_from(&self, _: &IndexSpec, _: &str) -> Result<()> {
        only_read("create")
    }

    async fn start_import(&self, _: &str, _: Option<&str>) -> Result<String> {
        only_read("start_import")
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        Ok(Vec::new())
    }

    fn request_bytes(&self, _: &Record) -> usize {
        0
    }

    fn rejects(&self, _: &Record) -> Option<String> {
        None
    }
}

#[async_trait]
impl Admin for Files {
    async fn configure(&self, _: &IndexChange) -> Result<()> {
        only_read("configure")
    }

    async fn delete_index(&self) -> Result<()> {
        Err(Error::new(ErrorKind::Refused, "Parquet files are not deleted"))
    }

    async fn delete(&self, _: &Namespace, _: &[RecordId]) -> Result<()> {
        only_read("delete")
    }

    async fn delete_matching(&self, _: &Namespace, _: &Filter) -> Result<()> {
        only_read("delete_matching")
    }

    async fn delete_namespace(&self, _: &Namespace) -> Result<()> {
        only_read("delete_namespace")
    }

    async fn delete_collection(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn cancel_import(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
