//! Clients of Google Cloud Storage.

use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

use super::super::connector::Connector;
use super::settings::Settings;
use crate::error::Result;

const ADDRESS: &str = "GOOGLE_BASE_URL";

/// Returns what makes clients of a bucket from the `GOOGLE_…` variables; all of them share their connections.
pub(super) fn builder(bucket: &str, settings: &Settings) -> Result<GoogleCloudStorageBuilder> {
    let mut builder = GoogleCloudStorageBuilder::new();
    for (key, value) in settings.of::<GoogleConfigKey>("GOOGLE_") {
        builder = builder.with_config(key, value);
    }
    let connector = Connector::new(settings.has(ADDRESS))?;
    Ok(builder.with_bucket_name(bucket).with_http_connector(connector))
}
