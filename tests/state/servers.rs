//! Stores of others on this machine: S3 by moto, Azure's blobs by Azurite. Both keep what they have in memory, listen on
//! a free port of the loopback, and end with the test that started them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use vecshift::storage::objects::{Objects, open};

use crate::installed::{Server, installed, said, serve};
use crate::python;

const AZURITE: &str = "azurite@3.37.0";

/// The account and the key that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Long enough for a machine that builds something else.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A store with one bucket, which is empty.
pub struct Store {
    /// The bucket.
    pub uri: &'static str,
    /// What a process has to have in its environment to reach it.
    pub variables: BTreeMap<String, String>,
    pub server: Server,
}

impl Store {
    fn new<const N: usize>(
        uri: &'static str,
        variables: [(&str, &str); N],
        server: Server,
    ) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { uri, variables: variables.map(owned).into(), server }
    }

    /// Opens a prefix of the bucket.
    pub fn open(&self, prefix: &str) -> Arc<dyn Objects> {
        open(&format!("{}/{prefix}", self.uri), &self.variables, TIMEOUT).unwrap()
    }
}

/// Starts an S3 server.
///
/// # Panics
/// Where Python or the package index is missing: what this holds has no other proof.
pub async fn s3() -> Store {
    let server = python::made("moto").unwrap().serve("bucket.py").await;
    let address = server.address.clone();
    let variables = [
        ("AWS_ENDPOINT_URL", address.as_str()),
        ("AWS_ACCESS_KEY_ID", "the-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
    ];
    Store::new("s3://shelf", variables, server)
}

/// Starts a server of Azure's blobs.
///
/// # Panics
/// Where Node or its package registry is missing.
pub async fn azure() -> Store {
    let folder = tokio::task::block_in_place(azurite).unwrap();
    let mut command = tokio::process::Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state/azurite.js"));
    command.arg(folder.join("node_modules/azurite/dist/src/blob/main.js"));
    command.current_dir(&folder);
    let server = serve(command).await;
    let address = server.address.clone();
    let variables = [
        ("AZURE_STORAGE_ENDPOINT", address.as_str()),
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
    ];
    Store::new("az://shelf", variables, server)
}

fn azurite() -> Result<PathBuf, String> {
    let node = said(Command::new("node").arg("--version"))?;
    installed("node/azurite", &format!("{node}{AZURITE}"), |folder| {
        let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
        said(Command::new("npm").args(install).arg("--prefix").arg(folder).arg(AZURITE))
    })
}
