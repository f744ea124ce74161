//! The work of bulk imports: Parquet files of a folder or a bucket, read into a serverless index while the client polls.
//!
//! The layout is Pinecone's (its guide "Import records", seen 2026): below the URI one folder a namespace,
//! `__default__` for the default one, with `.parquet` files in it at any depth; other files are passed over.
//! `files` finds them, `work` puts their records into the index.

mod files;
mod work;

use std::sync::Arc;

use crate::emulator::data::{Call, Page};
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::import::Import;
use crate::emulator::progress::Ending;
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::json::OnError;
use crate::pinecone_wire::limits::{IMPORT_URI_CHARS, LIST_IMPORTS};
use crate::pinecone_wire::state::ImportState;
use crate::storage::{Place, is_s3};

/// Starts an import in the background and returns its id.
pub(crate) fn start(call: &Call, uri: &str, on_error: OnError) -> Answer<String> {
    if uri.is_empty() || uri.len() > IMPORT_URI_CHARS {
        return Err(Refusal::invalid(format!(
            "uri must be 1 to {IMPORT_URI_CHARS} characters long"
        )));
    }
    if let Some(Deployment::Serverless { cloud, .. }) =
        Deployment::of(&call.index.spec().deployment)
        && is_s3(uri)
        && cloud != "aws"
    {
        let message = format!("An index in {cloud} cannot import from Amazon S3");
        return Err(Refusal::invalid(message));
    }
    let place = Place::read(uri, &call.project.options.s3)
        .map_err(|error| Refusal::invalid(format!("Invalid import URI {uri}: {error}")))?;
    let (id, now) = (call.project.next_import(), call.project.now());
    let import = Import::new(id.clone(), call.index.id.clone(), uri.to_owned(), now);
    let job = work::Job {
        call: call.clone(),
        import: call.project.imports.put(import),
        place,
        is_aborted_by_errors: on_error == OnError::Abort,
        ending: Ending::from(call.project.dice.faults().import),
    };
    tokio::spawn(work::run(job));
    Ok(id)
}

pub(crate) fn list(
    call: &Call,
    limit: Option<u32>,
    token: Option<&str>,
) -> Answer<Page<Arc<Import>>> {
    let limit = match limit {
        None => LIST_IMPORTS,
        Some(limit) if (1..=LIST_IMPORTS).contains(&(limit as usize)) => limit as usize,
        Some(limit) => {
            return Err(Refusal::invalid(format!(
                "limit must be 1 to {LIST_IMPORTS}, got {limit}"
            )));
        }
    };
    let after = match token.filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => u64::from_str_radix(token, 16)
            .map_err(|_| Refusal::invalid(format!("Invalid pagination token: {token}")))?,
    };
    let is_own = |import: &Import| import.index_id == call.index.id;
    let (items, next) = call.project.imports.page(is_own, after, limit);
    Ok(Page { items, next: next.map(|next| format!("{next:016x}")), read_units: None })
}

pub(crate) fn find(call: &Call, id: &str) -> Answer<Arc<Import>> {
    let found = call.project.imports.find(id);
    found
        .filter(|import| import.index_id == call.index.id)
        .ok_or_else(|| Refusal::not_found(format!("Import {id} not found")))
}

/// Cancels an import; what was imported stays. One that has ended is left as it is.
pub(crate) fn cancel(call: &Call, id: &str) -> Answer<()> {
    find(call, id)?.end(ImportState::Cancelled, None, call.project.now());
    Ok(())
}
