//! Objects in a bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::path::Path as Key;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, UpdateVersion,
    WriteMultipart,
};
use tokio::io::AsyncReadExt;

use super::super::s3::{self, S3Options};
use super::failure::Failure;
use super::settings::Settings;
use super::within::{Action, Provider, Within};
use super::{Listed, Objects, Put, Read, Version, azure, google};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement};

/// Bytes of a part of a large file, and those up to which it is sent at once.
const PART: u64 = 8 << 20;

/// Parts that a file has at most; S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;

/// Parts on their way at once.
const AT_ONCE: usize = 2;

/// A bucket's prefix. Credentials are those of the moment of a request, and the same for both clients.
pub(super) struct Bucket {
    uri: String,
    within: Within,
    /// Asks once: what became of a put whose answer was lost is for its caller to find out.
    once: Arc<dyn ObjectStore>,
    /// Asks a few times.
    again: Arc<dyn ObjectStore>,
    timeout: Duration,
}

/// Shows no client, which has keys.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.uri).finish()
    }
}

type Clients = (Arc<dyn ObjectStore>, Arc<dyn ObjectStore>);

/// Makes a client that asks once and one that asks again, which finds the credentials of both.
macro_rules! clients {
    ($builder:expr, $bucket:expr) => {{
        let builder = $builder;
        let unbuilt = |error| s3::unbuilt($bucket, error);
        let again = builder.clone().with_retry(s3::brief()).build().map_err(unbuilt)?;
        let never = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let once = builder.with_credentials(again.credentials().clone()).with_retry(never);
        (Arc::new(once.build().map_err(unbuilt)?), Arc::new(again))
    }};
}

fn clients(
    provider: Provider,
    bucket: &str,
    settings: &BTreeMap<String, String>,
) -> Result<Clients> {
    let all = Settings(settings);
    Ok(match provider {
        Provider::S3 => {
            clients!(s3::builder(bucket, &S3Options::from_variables(settings))?, bucket)
        }
        Provider::Google => clients!(google::builder(bucket, &all)?, bucket),
        Provider::Azure => clients!(azure::builder(bucket, &all)?, bucket),
    })
}

impl Bucket {
    pub fn new(
        uri: &str,
        provider: Provider,
        bucket: &str,
        prefix: &str,
        settings: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<Self> {
        let prefix = Key::parse(prefix).map_err(|error| Error::invalid(error.to_string()))?;
        let (once, again) = clients(provider, bucket, settings)?;
        let has_keys = provider.has_keys(&Settings(settings));
        let within = Within { provider, bucket: bucket.to_owned(), prefix, has_keys };
        Ok(Self { uri: uri.to_owned(), within, once, again, timeout })
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        let key = self.within.key(key)?;
        let action = match mode {
            PutMode::Create => Action::Create,
            _ => Action::Replace,
        };
        let put = self.once.put_opts(&key, bytes.into(), PutOptions::from(mode));
        match self.in_time(self.timeout, action, &key, put).await {
            Ok(put) => Ok(Put::Done(Version { e_tag: put.e_tag, version: put.version })),
            Err(Failure::Condition) => Ok(Put::Refused),
            // Nothing is there to be replaced.
            Err(Failure::Absent(_)) if action == Action::Replace => Ok(Put::Refused),
            Err(Failure::Absent(error) | Failure::Lasting(error)) => Err(error),
            Err(Failure::Silent(error)) => Ok(Put::Unknown(error)),
        }
    }

    async fn in_time<T>(
        &self,
        limit: Duration,
        action: Action,
        key: &Key,
        answer: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        let answer = tokio::time::timeout(limit, answer).await;
        let answer = answer.map_err(|_| Failure::late(action, key, &self.within, limit))?;
        answer.map_err(|error| Failure::of(&error, action, key, &self.within))
    }

    /// Returns the error of a request without a condition.
    fn failed(&self, action: Action, key: &Key) -> impl Fn(object_store::Error) -> Error {
        move |error| Failure::of(&error, action, key, &self.within).into_error()
    }

    /// Takes all of a list, each page in time.
    async fn all<T>(
        &self,
        folder: &Key,
        mut listed: BoxStream<'_, object_store::Result<T>>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let next = self.in_time(self.timeout * 2, Action::List, folder, listed.try_next());
            match next.await.map_err(Failure::into_error)? {
                Some(next) => all.push(next),
                None => return Ok(all),
            }
        }
    }

    async fn send(&self, key: &Key, file: &Path) -> Result<()> {
        let failed = self.failed(Action::Upload, key);
        let unread = |error| Error::io(format!("cannot read {}", file.display()), error);
        let mut from = tokio::fs::File::open(file).await.map_err(unread)?;
        let bytes = from.metadata().await.map_err(unread)?.len();
        if bytes <= PART {
            let mut whole = Vec::new();
            from.read_to_end(&mut whole).await.map_err(unread)?;
            return self.again.put(key, whole.into()).await.map(drop).map_err(failed);
        }
        let part = PART.max(bytes.div_ceil(MOST_PARTS));
        let upload = self.again.put_multipart(key).await.map_err(&failed)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, part as usize);
        loop {
            let mut some = Vec::with_capacity(part as usize);
            let read = (&mut from).take(part).read_to_end(&mut some).await;
            let sent = match read.map_err(unread) {
                Ok(0) => break,
                Ok(_) => {
                    parts.put(some.into());
                    parts.wait_for_capacity(AT_ONCE).await.map_err(&failed)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                // What stays of it if this fails as well is no object.
                let _ = parts.abort().await;
                return Err(error);
            }
        }
        parts.finish().await.map(drop).map_err(failed)
    }
}

fn modified(object: &ObjectMeta) -> Timestamp {
    let time = object.last_modified;
    let nanoseconds = time.timestamp_subsec_nanos().try_into().unwrap_or_default();
    Timestamp::new(time.timestamp(), nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[async_trait]
impl Objects for Bucket {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        self.put(key, bytes, PutMode::Create).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, version: &Version) -> Result<Put> {
        let Version { e_tag, version } = version.clone();
        self.put(key, bytes, PutMode::Update(UpdateVersion { e_tag, version })).await
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        let key = self.within.key(key)?;
        let read = async {
            let found = self.again.get(&key).await?;
            let object = found.meta.clone();
            Ok((object, found.bytes().await?))
        };
        match self.in_time(self.timeout * 2, Action::Get, &key, read).await {
            Ok((object, bytes)) => {
                let modified = modified(&object);
                let version = Version { e_tag: object.e_tag, version: object.version };
                Ok(Some(Read { bytes, version, modified }))
            }
            Err(Failure::Absent(_)) => Ok(None),
            Err(failure) => Err(failure.into_error()),
        }
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        let folder = self.within.folder(below)?;
        let objects = self.all(&folder, self.again.list(Some(&folder))).await?;
        let listed = objects.iter().filter_map(|object| {
            // A name with a slash behind it is what some programs put where a folder begins.
            let key = self.within.below(&object.location)?;
            super::key::behind(below, key)?;
            Some(Listed { key: key.to_owned(), bytes: object.size, modified: modified(object) })
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        let folder = self.within.folder(below)?;
        let listed = self.again.list_with_delimiter(Some(&folder));
        let listed = self.in_time(self.timeout * 2, Action::List, &folder, listed).await;
        let folders = listed.map_err(Failure::into_error)?.common_prefixes;
        let names = folders.iter().filter_map(|folder| folder.filename()).map(str::to_owned);
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        self.send(&self.within.key(key)?, file).await
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let key = self.within.key(key)?;
        let failed = self.failed(Action::Get, &key);
        let (path, name) = (file.to_owned(), file.display().to_string());
        let unwritten = move |error| Error::io(format!("cannot write {name}"), error);
        let found = self.again.get(&key).await.map_err(&failed)?;
        let (bytes, mut written) = (found.meta.size, 0);
        let mut parts = found.into_stream();
        let begun = unwritten.clone();
        let mut to =
            blocking(move || Replacement::begin(&path, Access::Usual).map_err(begun)).await?;
        while let Some(part) = parts.next().await {
            let part = part.map_err(&failed)?;
            written += part.len() as u64;
            let cannot = unwritten.clone();
            to = blocking(move || to.write_all(&part).map(|()| to).map_err(cannot)).await?;
        }
        if written != bytes {
            let message = format!("`{key}` has {bytes} bytes, and {written} came");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        blocking(move || to.commit().map_err(unwritten)).await
    }
}
