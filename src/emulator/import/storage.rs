//! Where an import's files are: a folder of this machine or a bucket that speaks S3.

use std::path::{Path, PathBuf};

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::files::{File, checked, file};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::pinecone::tls_config;

/// How buckets are reached. Without keys requests are not signed, which public buckets take.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// The address of something that speaks S3; `None` is AWS.
    pub endpoint: Option<String>,
    /// Default `us-east-1`.
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<crate::provider::Secret>,
    pub session_token: Option<crate::provider::Secret>,
}

impl S3Options {
    /// The options of the usual `AWS_…` variables, looked up with `get`.
    pub fn from_variables<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| get(name)).map(str::to_owned);
        let secret = |name: &str| get(name).map(crate::provider::Secret::new);
        Self {
            endpoint: first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
            region: first(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            access_key_id: first(&["AWS_ACCESS_KEY_ID"]),
            secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
            session_token: secret("AWS_SESSION_TOKEN"),
        }
    }
}

pub(crate) fn is_s3(uri: &str) -> bool {
    uri.starts_with("s3://")
}

/// A place that an import reads.
pub(crate) enum Place {
    Folder { uri: String, root: PathBuf },
    Bucket { uri: String, store: AmazonS3, prefix: Key },
}

/// A file that can be opened: the one in the folder, or a copy that goes away with this.
pub(crate) enum Local {
    InPlace(PathBuf),
    Copy(NamedTempFile),
}

impl Local {
    pub fn path(&self) -> &Path {
        match self {
            Self::InPlace(path) => path,
            Self::Copy(file) => file.path(),
        }
    }
}

impl Place {
    /// Reads `file:` and `s3:` URIs; touches nothing.
    pub fn read(uri: &str, options: &S3Options) -> Result<Self> {
        let wrong = |why: &str| Error::invalid(format!("Invalid import URI {uri}: {why}"));
        let url = reqwest::Url::parse(uri).map_err(|error| wrong(&error.to_string()))?;
        match url.scheme() {
            "file" => {
                let root = url.to_file_path().map_err(|()| wrong("it names no local folder"))?;
                Ok(Self::Folder { uri: uri.to_owned(), root })
            }
            "s3" => {
                let rest = uri.trim_start_matches("s3://");
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(wrong("it names no bucket"));
                }
                let prefix = Key::parse(prefix).map_err(|error| wrong(&error.to_string()))?;
                Ok(Self::Bucket { uri: uri.to_owned(), store: bucket_of(bucket, options)?, prefix })
            }
            _ => Err(wrong("the emulator imports from file: and s3: only")),
        }
    }

    /// The Parquet files below it, sorted, within the limits.
    pub async fn files(&self) -> Result<Vec<File>> {
        let (uri, files) = match self {
            Self::Folder { uri, root } => {
                let folder = root.clone();
                let walked = tokio::task::spawn_blocking(move || walk(&folder)).await;
                (uri, walked.map_err(|error| Error::unexpected(error.to_string()))??)
            }
            Self::Bucket { uri, store, prefix } => (uri, list(store, prefix).await?),
        };
        checked(uri, files)
    }

    /// A file as one that can be opened here.
    pub async fn open(&self, file: &File) -> Result<Local> {
        match self {
            Self::Folder { root, .. } => Ok(Local::InPlace(root.join(&file.path))),
            Self::Bucket { store, prefix, .. } => {
                let key = format!("{prefix}/{}", file.path);
                download(store, key.trim_start_matches('/')).await.map(Local::Copy)
            }
        }
    }
}

fn walk(root: &Path) -> Result<Vec<File>> {
    let unread = |path: &Path, error| Error::io(format!("cannot read {}", path.display()), error);
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| unread(&folder, error))? {
            let path = entry.map_err(|error| unread(&folder, error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(Error::invalid(format!("{} has a name in no UTF-8", path.display())));
            };
            let below = format!("{prefix}{name}");
            // Follows links: a folder of links to files elsewhere is an import too.
            let found = std::fs::metadata(&path).map_err(|error| unread(&path, error))?;
            match found.is_dir() {
                true => folders.push((path.clone(), format!("{below}/"))),
                false => files.extend(file(&below, found.len())),
            }
        }
    }
    Ok(files)
}

async fn list(store: &AmazonS3, prefix: &Key) -> Result<Vec<File>> {
    let skip = match prefix.as_ref() {
        "" => 0,
        prefix => prefix.len() + 1,
    };
    let objects = store.list(Some(prefix)).try_filter_map(|object| async move {
        let below = object.location.as_ref().get(skip..).unwrap_or_default();
        Ok(file(below, object.size))
    });
    objects.try_collect().await.map_err(failed)
}

async fn download(store: &AmazonS3, key: &str) -> Result<NamedTempFile> {
    let key = Key::parse(key).map_err(|error| Error::invalid(error.to_string()))?;
    let unkept = |error| Error::io("cannot keep a copy of an object", error);
    let copy = NamedTempFile::new().map_err(unkept)?;
    let mut to = tokio::fs::File::from_std(copy.reopen().map_err(unkept)?);
    let mut parts = store.get(&key).await.map_err(failed)?.into_stream();
    while let Some(part) = parts.try_next().await.map_err(failed)? {
        to.write_all(&part).await.map_err(unkept)?;
    }
    to.flush().await.map_err(unkept)?;
    Ok(copy)
}

fn failed(error: object_store::Error) -> Error {
    let kind = match error {
        object_store::Error::NotFound { .. } => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("the bucket cannot be read: {error}"))
}

fn bucket_of(name: &str, options: &S3Options) -> Result<AmazonS3> {
    let retry = RetryConfig { max_retries: 3, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(options.region.as_deref().unwrap_or("us-east-1"))
        .with_http_connector(Connector { endpoint: options.endpoint.clone() })
        .with_allow_http(true)
        .with_retry(retry);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder = match (&options.access_key_id, &options.secret_access_key) {
        (Some(id), Some(key)) => {
            builder.with_access_key_id(id).with_secret_access_key(key.expose())
        }
        _ => builder.with_skip_signature(true),
    };
    if let Some(token) = &options.session_token {
        builder = builder.with_token(token.expose());
    }
    builder.build().map_err(failed)
}

/// Requests go through this program's own TLS: the crate's client would want a provider set for the process.
#[derive(Debug)]
struct Connector {
    endpoint: Option<String>,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let generic = |source: Box<dyn std::error::Error + Send + Sync>| {
            object_store::Error::Generic { store: "S3", source }
        };
        let tls = tls_config().map_err(|error| generic(Box::new(error)))?;
        let mut builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
        if self.endpoint.is_some() {
            // An endpoint of one's own is mostly on this machine, where no proxy is wanted.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| generic(Box::new(error)))?;
        Ok(HttpClient::new(client))
    }
}
