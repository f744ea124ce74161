//! Bulk imports into a serverless index: start, list, describe, cancel.

use std::sync::Arc;

use crate::emulator::error::{Answer, Refusal};
use crate::emulator::import::{Import, Job, run};
use crate::emulator::progress::Ending;
use crate::model::Deployment;
use crate::pinecone_wire::json::OnError;
use crate::pinecone_wire::limits::{IMPORT_URI_CHARS, LIST_IMPORTS};
use crate::pinecone_wire::state::ImportState;
use crate::provider::storage::{Place, is_s3};

use super::{Call, Page};

impl Call {
    /// Starts an import in the background and returns its id.
    pub fn start_import(&self, uri: &str, on_error: OnError) -> Answer<String> {
        if uri.is_empty() || uri.len() > IMPORT_URI_CHARS {
            return Err(Refusal::invalid(format!(
                "uri must be 1 to {IMPORT_URI_CHARS} characters long"
            )));
        }
        if let Deployment::Serverless { cloud, .. } = self.index.spec().deployment
            && is_s3(uri)
            && cloud != "aws"
        {
            let message = format!("An index in {cloud} cannot import from Amazon S3");
            return Err(Refusal::invalid(message));
        }
        let place = Place::read(uri, &self.project.options.s3)
            .map_err(|error| Refusal::invalid(format!("Invalid import URI {uri}: {error}")))?;
        let (id, now) = (self.project.next_import(), self.project.now());
        let import = Import::new(id.clone(), self.index.id.clone(), uri.to_owned(), now);
        let job = Job {
            call: self.clone(),
            import: self.project.imports.put(import),
            place,
            is_aborted_by_errors: on_error == OnError::Abort,
            ending: Ending::from(self.project.dice.faults().import),
        };
        tokio::spawn(run(job));
        Ok(id)
    }

    pub fn list_imports(
        &self,
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
        let is_own = |import: &Import| import.index_id == self.index.id;
        let (items, next) = self.project.imports.page(is_own, after, limit);
        Ok(Page { items, next: next.map(|next| format!("{next:016x}")), read_units: None })
    }

    pub fn describe_import(&self, id: &str) -> Answer<Arc<Import>> {
        let found = self.project.imports.find(id);
        found
            .filter(|import| import.index_id == self.index.id)
            .ok_or_else(|| Refusal::not_found(format!("Import {id} not found")))
    }

    /// Cancels an import; what was imported stays. One that has ended is left as it is.
    pub fn cancel_import(&self, id: &str) -> Answer<()> {
        self.describe_import(id)?.end(ImportState::Cancelled, None, self.project.now());
        Ok(())
    }
}
