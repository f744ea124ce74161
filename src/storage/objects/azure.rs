//! Clients of Azure Blob Storage.

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

use super::super::connector::Connector;
use super::settings::Settings;
use crate::error::{Error, Result};

const ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT_NAME";
const ADDRESSES: [&str; 2] = ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"];

/// Returns what makes clients of a container from the `AZURE_…` variables; all of them share their connections.
pub(super) fn builder(container: &str, settings: &Settings) -> Result<MicrosoftAzureBuilder> {
    if !settings.has(ACCOUNT) {
        return Err(Error::invalid(format!("the container `{container}` is of no account"))
            .with_hint(format!("set `{ACCOUNT}`")));
    }
    let mut builder = MicrosoftAzureBuilder::new();
    for (key, value) in settings.of::<AzureConfigKey>("AZURE_") {
        builder = builder.with_config(key, value);
    }
    let connector = Connector::new(ADDRESSES.iter().any(|name| settings.has(name)))?;
    Ok(builder.with_container_name(container).with_http_connector(connector))
}
