//! Bulk imports of Parquet files: over REST, at the index's own host.

use serde::Deserialize;
use serde_json::json;

use super::http::Server;
use crate::error::{ErrorKind, Result};
use crate::pinecone_wire::{Operation, limits};
use crate::provider::Import;

#[derive(Deserialize)]
struct Started {
    id: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<ImportIn>,
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportIn {
    #[serde(default)]
    id: String,
    #[serde(default)]
    uri: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    percent_complete: Option<f64>,
    #[serde(default)]
    records_imported: Option<super::json::Int>,
    #[serde(default)]
    error: Option<String>,
}

impl ImportIn {
    fn into_import(self) -> Import {
        Import {
            id: self.id,
            uri: self.uri,
            state: self.status,
            percent: self.percent_complete,
            records: self.records_imported.map(|records| records.0),
            error: self.error.filter(|error| !error.is_empty()),
        }
    }
}

pub(super) async fn start(host: &Server, uri: &str, integration: Option<&str>) -> Result<String> {
    let mut body = json!({ "uri": uri, "errorMode": { "onError": "abort" } });
    if let Some(integration) = integration {
        body["integrationId"] = json!(integration);
    }
    let reply = host.send(Operation::StartImport, "", &body).await?;
    Ok(reply.json::<Started>()?.id)
}

pub(super) async fn list(host: &Server) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    let mut token: Option<String> = None;
    let limit = limits::LIST_IMPORTS.to_string();
    loop {
        let mut query = vec![("limit", limit.as_str())];
        query.extend(token.as_deref().map(|token| ("paginationToken", token)));
        let page: Page = host.ask(Operation::ListImports, "", &query).await?.json()?;
        imports.extend(page.data.into_iter().map(ImportIn::into_import));
        token = page.pagination.and_then(|page| page.next).filter(|next| !next.is_empty());
        if token.is_none() {
            return Ok(imports);
        }
    }
}

pub(super) async fn cancel(host: &Server, id: &str) -> Result<()> {
    match host.ask(Operation::CancelImport, id, &[]).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map(drop),
    }
}
