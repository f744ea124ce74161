//! Bulk imports of Parquet files: over REST, at the index's own host.

use super::http::Server;
use crate::error::{ErrorKind, Result};
use crate::pinecone_wire::json::{
    ErrorMode, ImportModel, ImportStarted, OnError, Page, Pagination, StartImport,
};
use crate::pinecone_wire::state::{ImportState, NewWord};
use crate::pinecone_wire::{Operation, limits, parameter};
use crate::store::{Import, Standing};

fn described(model: ImportModel) -> Import {
    Import {
        id: model.id,
        uri: model.uri,
        standing: match model.status.parse() {
            Ok(ImportState::Completed) => Standing::Done,
            Ok(ImportState::Failed | ImportState::Cancelled) => Standing::Failed,
            Ok(ImportState::Pending | ImportState::InProgress) | Err(NewWord) => Standing::UnderWay,
        },
        state: model.status,
        percent: model.percent_complete,
        records: model.records_imported.map(|records| records.0),
        error: model.error.filter(|error| !error.is_empty()),
    }
}

pub(super) async fn start(host: &Server, uri: &str, integration: Option<&str>) -> Result<String> {
    let body = StartImport {
        uri: uri.into(),
        integration_id: integration.map(Into::into),
        error_mode: Some(ErrorMode { on_error: Some(OnError::Abort.word().into()) }),
    };
    let reply = host.send(Operation::StartImport, "", &body).await?;
    Ok(reply.json::<ImportStarted>()?.id)
}

pub(super) async fn list(host: &Server) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    let mut token: Option<String> = None;
    let limit = limits::LIST_IMPORTS.to_string();
    loop {
        let mut query = vec![(parameter::LIMIT, limit.as_str())];
        query.extend(token.as_deref().map(|token| (parameter::PAGINATION_TOKEN, token)));
        let page: Page<ImportModel> = host.ask(Operation::ListImports, "", &query).await?.json()?;
        imports.extend(page.data.into_iter().map(described));
        token = Pagination::token(page.pagination);
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
