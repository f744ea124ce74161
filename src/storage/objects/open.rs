//! Places for objects by their URIs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::uri::Uri;
use super::Objects;
use super::bucket::Bucket;
use super::folder::Folder;
use super::within::Provider;
use crate::error::{Error, Result};

/// Reads the URI of a place: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///folder`.
/// `settings` are the variables of an environment: `AWS_…`, `GOOGLE_…` and `AZURE_…`. A put is given up after `timeout`, a
/// read after twice that; files that are uploaded and downloaded take as long as they take. Asks nobody.
///
/// # Errors
/// `Invalid` if it is no such URI, or the settings are wrong.
pub fn open(
    uri: &str,
    settings: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<Arc<dyn Objects>> {
    let wrong = |error: Error| {
        let again = Error::invalid(format!("`{uri}` is no place for objects: {}", error.message()));
        match error.hint() {
            Some(hint) => again.with_hint(hint),
            None => again,
        }
    };
    check(settings).map_err(wrong)?;
    let (provider, bucket, prefix) = match Uri::read(uri).map_err(wrong)? {
        Uri::Folder(root) => return Ok(Arc::new(Folder::new(uri, root, timeout))),
        Uri::Bucket { scheme, bucket, prefix } => match scheme.as_str() {
            "s3" => (Provider::S3, bucket, prefix),
            "gs" => (Provider::Google, bucket, prefix),
            "az" => (Provider::Azure, bucket, prefix),
            _ => return Err(wrong(Error::invalid("only s3:, gs:, az: and file: are reached"))),
        },
    };
    // An account or a port would be taken for a part of the name.
    if bucket.contains(['@', ':']) {
        return Err(wrong(Error::invalid(format!("`{bucket}` is no name of a bucket"))));
    }
    Ok(Arc::new(Bucket::new(uri, provider, bucket, prefix, settings, timeout).map_err(wrong)?))
}

/// Refuses settings that a client would take and then fall over, without showing them: they may be secrets.
fn check(settings: &BTreeMap<String, String>) -> Result<()> {
    let is_ours =
        |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|ours| name.starts_with(ours));
    for (name, value) in settings.iter().filter(|(name, _)| is_ours(name)) {
        if value.trim() != value || value.chars().any(char::is_control) {
            let message =
                format!("the variable `{name}` has a line break or a space at an end, or in it");
            return Err(Error::invalid(message).with_hint("set it anew without it"));
        }
        let is_address = name.contains("ENDPOINT") && !value.is_empty();
        if is_address && !value.starts_with("http://") && !value.starts_with("https://") {
            let message =
                format!("the variable `{name}` is no address: it begins with no `https://`");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(uri: &str) -> Result<Arc<dyn Objects>> {
        let settings =
            [("AZURE_STORAGE_ACCOUNT_NAME", "us"), ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        open(uri, &settings, Duration::from_secs(1))
    }

    #[test]
    fn places_keep_their_uris() {
        for uri in ["s3://shelf/a/b", "gs://shelf", "az://shelf/a", "file:///shelf/a"] {
            assert_eq!(opened(uri).unwrap().uri(), uri);
        }
    }

    #[test]
    fn uris_that_name_no_place_are_refused() {
        for (uri, why) in [
            ("s3://", "no bucket"),
            ("gs:shelf", "no bucket"),
            ("az://shelf@us/a", "no name of a bucket"),
            ("s3://shelf/a?b", "%3F"),
            ("s3://shelf/a#b", "%23"),
            ("s3://shelf/a//b", "empty path segment"),
            ("ftp://shelf/a", "only s3:, gs:, az: and file:"),
            ("file:state", "file:///"),
            ("file://state/a", "file:///"),
            ("state", "relative"),
        ] {
            let error = opened(uri).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{error}");
            assert!(error.message().contains(why), "{uri}: {error}");
        }
    }

    #[test]
    fn a_key_of_encryption_that_would_be_left_out_is_refused() {
        let settings = [("AWS_SSE_KMS_KEY_ID".to_owned(), "the-key".to_owned())].into();
        let error = open("s3://shelf", &settings, Duration::from_secs(1)).unwrap_err();
        assert!(error.message().contains("AWS_SERVER_SIDE_ENCRYPTION"), "{error}");
        assert_eq!(error.hint(), Some("set it to `aws:kms`"));
    }

    #[test]
    fn a_container_without_an_account_is_refused() {
        let error = open("az://shelf", &BTreeMap::new(), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.hint(), Some("set `AZURE_STORAGE_ACCOUNT_NAME`"));
    }
}
