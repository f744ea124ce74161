//! Buckets that speak S3.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::connector::Connector;
use super::found::Found;
use super::said::Said;
use crate::error::{Error, ErrorKind, Result};

/// Access to buckets: the usual `AWS_…` variables. Without keys the credentials are those of the machine's role.
#[derive(Clone, Default)]
pub struct S3Options {
    settings: BTreeMap<String, String>,
    is_public: bool,
}

/// Shows only the names of settings, which may be secrets.
impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("is_public", &self.is_public)
            .finish()
    }
}

impl S3Options {
    /// Returns the options in `AWS_…` variables, ignoring others and empty ones.
    pub fn from_variables<T: AsRef<str>>(variables: impl IntoIterator<Item = (T, T)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let (name, value) = (name.as_ref(), value.as_ref());
            let is_ours =
                name.starts_with("AWS_") && !value.is_empty() && config_key(name).is_some();
            is_ours.then(|| (name.to_owned(), value.to_owned()))
        });
        Self { settings: ours.collect(), is_public: false }
    }

    /// Returns options that leave requests unsigned if there are no keys, which public buckets accept.
    #[must_use]
    pub fn or_unsigned(self) -> Self {
        Self { is_public: true, ..self }
    }

    /// Returns the options for a server at this address that speaks S3, without keys.
    pub fn public_at(address: &str) -> Self {
        Self::from_variables([("AWS_ENDPOINT_URL", address)]).or_unsigned()
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.settings.contains_key(*name))
    }
}

fn config_key(variable: &str) -> Option<AmazonS3ConfigKey> {
    variable.to_ascii_lowercase().parse().ok()
}

/// A bucket's prefix.
#[derive(Clone)]
pub(super) struct Bucket {
    name: String,
    store: AmazonS3,
    prefix: Key,
}

impl Bucket {
    pub fn new(bucket: &str, prefix: &str, options: &S3Options) -> Result<Self> {
        let prefix = Key::parse(prefix).map_err(|error| Error::invalid(error.to_string()))?;
        let builder = builder(bucket, options)?.with_retry(brief());
        let store = builder.build().map_err(|error| unbuilt(bucket, error))?;
        Ok(Self { name: bucket.to_owned(), store, prefix })
    }

    pub fn leaf(&self) -> String {
        self.prefix.filename().unwrap_or_default().to_owned()
    }

    fn key(&self, path: &str) -> Result<Key> {
        let key = format!("{}/{path}", self.prefix);
        Key::parse(key.trim_start_matches('/')).map_err(|error| Error::invalid(error.to_string()))
    }

    fn failed(&self, what: &str, error: object_store::Error) -> Error {
        use object_store::Error as Store;
        let Said { code, text: said, .. } = Said::of(&error);
        let kind = match (code.as_deref(), &error) {
            (Some("NoSuchBucket" | "NoSuchKey"), _) | (None, Store::NotFound { .. }) => {
                ErrorKind::NotFound
            }
            (Some("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch"), _)
            | (_, Store::PermissionDenied { .. } | Store::Unauthenticated { .. }) => {
                ErrorKind::Unauthorized
            }
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("the bucket `{}` cannot be {what}: {said}", self.name))
            .with_hint("check the bucket's name and the `AWS_…` variables")
    }

    pub async fn list(&self) -> Result<Vec<Found>> {
        let skip = match self.prefix.as_ref() {
            "" => 0,
            prefix => prefix.len() + 1,
        };
        let objects = self.store.list(Some(&self.prefix)).map_ok(|object| Found {
            path: object.location.as_ref().get(skip..).unwrap_or_default().to_owned(),
            bytes: object.size,
            tag: object.e_tag,
        });
        objects.try_collect().await.map_err(|error| self.failed("read", error))
    }

    /// Checks that it exists and can be listed.
    pub async fn reach(&self) -> Result<()> {
        let first = self.store.list(Some(&self.prefix)).try_next().await;
        first.map(drop).map_err(|error| self.failed("read", error))
    }

    pub async fn download(&self, path: &str) -> Result<NamedTempFile> {
        let unkept = |error| Error::io("cannot keep a copy of an object", error);
        let unread = |error| self.failed("read", error);
        let copy = NamedTempFile::new().map_err(unkept)?;
        let mut to = tokio::fs::File::from_std(copy.reopen().map_err(unkept)?);
        let mut parts = self.store.get(&self.key(path)?).await.map_err(unread)?.into_stream();
        while let Some(part) = parts.try_next().await.map_err(unread)? {
            to.write_all(&part).await.map_err(unkept)?;
        }
        to.flush().await.map_err(unkept)?;
        Ok(copy)
    }

    /// Returns the first bytes of a file that holds `bytes`, at most `most`.
    pub async fn head(&self, path: &str, bytes: u64, most: u64) -> Result<Bytes> {
        let head = self.store.get_range(&self.key(path)?, 0..bytes.min(most)).await;
        head.map_err(|error| self.failed("read", error))
    }

    /// Returns a range of a file that was found.
    pub async fn range(&self, found: &Found, range: std::ops::Range<u64>) -> Result<Bytes> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: found.tag.clone(),
            ..GetOptions::default()
        };
        let unread = |error| match error {
            object_store::Error::Precondition { .. } => {
                let message = format!("{} changed while it was being read", found.path);
                Error::new(ErrorKind::Conflict, message)
                    .with_hint("run the same command again when nothing writes to the files")
            }
            other => self.failed("read", other),
        };
        let answer = self.store.get_opts(&self.key(&found.path)?, options).await;
        answer.map_err(unread)?.bytes().await.map_err(unread)
    }

    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let put = self.store.put(&self.key(path)?, bytes.into()).await;
        put.map(drop).map_err(|error| self.failed("written to", error))
    }

    pub async fn remove(&self, paths: Vec<String>) -> Result<()> {
        let keys: Vec<Key> = paths.iter().map(|path| self.key(path)).collect::<Result<_>>()?;
        let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
        let mut gone = self.store.delete_stream(keys);
        while let Some(removed) = gone.next().await {
            match removed {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed("cleared", error)),
            }
        }
        Ok(())
    }
}

/// Returns a few tries, soon after each other.
pub(super) fn brief() -> RetryConfig {
    RetryConfig { max_retries: 3, ..RetryConfig::default() }
}

/// Returns the error of a client that could not be made.
pub(super) fn unbuilt(bucket: &str, error: object_store::Error) -> Error {
    Error::invalid(format!("the bucket `{bucket}` cannot be reached: {error}"))
}

/// Returns what makes clients of a bucket; all of them share their connections.
pub(super) fn builder(bucket: &str, options: &S3Options) -> Result<AmazonS3Builder> {
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .find_map(|name| options.settings.get(*name));
    // The crate would leave the key out, and what is written would be encrypted by another one.
    if options.has(&["AWS_SSE_KMS_KEY_ID"]) && !options.has(&["AWS_SERVER_SIDE_ENCRYPTION"]) {
        let message = "`AWS_SSE_KMS_KEY_ID` is set and `AWS_SERVER_SIDE_ENCRYPTION` is not";
        return Err(Error::invalid(message).with_hint("set it to `aws:kms`"));
    }
    let mut builder = AmazonS3Builder::new().with_region("us-east-1");
    for (name, value) in &options.settings {
        if let Some(key) = config_key(name) {
            builder = builder.with_config(key, value);
        }
    }
    if !options.has(&["AWS_REGION"])
        && let Some(region) = options.settings.get("AWS_DEFAULT_REGION")
    {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if options.is_public && !options.has(&["AWS_ACCESS_KEY_ID"]) {
        builder = builder.with_skip_signature(true);
    }
    Ok(builder
        .with_bucket_name(bucket)
        .with_http_connector(Connector::new(endpoint.is_some())?)
        .with_allow_http(true))
}
