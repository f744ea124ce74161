//! A bucket's prefix by name, and what is needed there.

use object_store::path::Path as Key;

use super::key;
use super::settings::Settings;
use crate::error::{Error, Result};

/// Who keeps a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    S3,
    Google,
    Azure,
}

/// What is asked of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    List,
    Create,
    Replace,
    /// Writes an object, whether one is there or not.
    Upload,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create | Self::Replace | Self::Upload => "put",
        }
    }
}

/// A bucket's prefix.
#[derive(Clone, Debug)]
pub(super) struct Within {
    pub provider: Provider,
    pub bucket: String,
    pub prefix: Key,
    /// Whether a key is set; else the machine's role is asked for one.
    pub has_keys: bool,
}

/// Variables of which one says where keys are from.
const KEYS_OF_S3: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
const KEYS_OF_GOOGLE: [&str; 6] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_BEARER_TOKEN",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SKIP_SIGNATURE",
];
const KEYS_OF_AZURE: [&str; 10] = [
    "AZURE_CLIENT_ID",
    "AZURE_SKIP_SIGNATURE",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_USE_AZURE_CLI",
];

impl Provider {
    /// Whether settings say where keys are from.
    pub fn has_keys(self, settings: &Settings<'_>) -> bool {
        let names: &[&str] = match self {
            Self::S3 => &KEYS_OF_S3,
            Self::Google => &KEYS_OF_GOOGLE,
            Self::Azure => &KEYS_OF_AZURE,
        };
        names.iter().any(|name| settings.has(name))
    }
}

impl Within {
    /// Returns the whole key of an object.
    ///
    /// # Errors
    /// `Invalid` if it is none.
    pub fn key(&self, key: &str) -> Result<Key> {
        key::check(key)?;
        self.joined(key)
    }

    /// The same of a folder, which may be all of the place.
    ///
    /// # Errors
    /// `Invalid` if it is none.
    pub fn folder(&self, below: &str) -> Result<Key> {
        key::check_folder(below)?;
        self.joined(below)
    }

    fn joined(&self, below: &str) -> Result<Key> {
        let key = match (self.prefix.as_ref(), below) {
            ("", key) | (key, "") => Key::parse(key),
            (prefix, key) => Key::parse(format!("{prefix}/{key}")),
        };
        key.map_err(|error| Error::invalid(error.to_string()))
    }

    /// Returns a whole key without the prefix; `None` if it is not below it.
    pub fn below<'a>(&self, key: &'a Key) -> Option<&'a str> {
        key::behind(self.prefix.as_ref(), key.as_ref())
    }

    /// Returns the least rights that an action needs.
    pub fn rights(&self, action: Action) -> String {
        let bucket = &self.bucket;
        let objects = match self.prefix.as_ref() {
            "" => format!("{bucket}/*"),
            prefix => format!("{bucket}/{prefix}/*"),
        };
        match (self.provider, action) {
            (Provider::S3, Action::Get) => format!(
                "`s3:GetObject` on `arn:aws:s3:::{objects}`, and `s3:ListBucket` on `arn:aws:s3:::{bucket}`, without which an object \
                 that is not there looks forbidden"
            ),
            (Provider::S3, Action::List) => format!("`s3:ListBucket` on `arn:aws:s3:::{bucket}`"),
            (Provider::S3, Action::Create | Action::Upload) => {
                format!("`s3:PutObject` on `arn:aws:s3:::{objects}`")
            }
            (Provider::S3, Action::Replace) => {
                format!("`s3:PutObject` and `s3:GetObject` on `arn:aws:s3:::{objects}`")
            }
            (Provider::Google, Action::Get) => format!("`storage.objects.get` on `{objects}`"),
            (Provider::Google, Action::List) => format!("`storage.objects.list` on `{bucket}`"),
            (Provider::Google, Action::Create) => {
                format!("`storage.objects.create` on `{objects}`")
            }
            // Google counts writing over an object as deleting what was there.
            (Provider::Google, Action::Replace | Action::Upload) => {
                format!("`storage.objects.create` and `storage.objects.delete` on `{objects}`")
            }
            (Provider::Azure, Action::Get) => {
                format!("`blobs/read` on the container `{bucket}` (`r` of a SAS)")
            }
            (Provider::Azure, Action::List) => {
                format!("`blobs/read` on the container `{bucket}` (`l` of a SAS)")
            }
            (Provider::Azure, Action::Create | Action::Replace | Action::Upload) => format!(
                "`blobs/write` and `blobs/add/action` on the container `{bucket}` (`c` and `w` of a SAS)"
            ),
        }
    }

    /// Returns where keys are looked for.
    pub fn keys(&self) -> &'static str {
        match self.provider {
            Provider::S3 => {
                "keys come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, from \
                 `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`, or from the machine's role; profiles are not read"
            }
            Provider::Google => {
                "keys come from `GOOGLE_BEARER_TOKEN`, `GOOGLE_SERVICE_ACCOUNT`, `GOOGLE_SERVICE_ACCOUNT_KEY` or \
                 `GOOGLE_APPLICATION_CREDENTIALS`, or from the machine's role"
            }
            Provider::Azure => {
                "keys come from `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_KEY`, `AZURE_STORAGE_TOKEN`, \
                 `AZURE_CLIENT_ID` with `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE` and `AZURE_TENANT_ID`, or from the \
                 machine's role"
            }
        }
    }

    /// Returns what names the bucket.
    pub fn names(&self) -> &'static str {
        match self.provider {
            Provider::S3 => "make it, or check its name, `AWS_REGION` and `AWS_ENDPOINT_URL`",
            Provider::Google => "make it, or check its name",
            Provider::Azure => "make it, or check its name, and `AZURE_STORAGE_ACCOUNT_NAME`",
        }
    }
}
