//! Namespaces of a serverless index.

use crate::emulator::checks;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::index::schema_fields;
use crate::emulator::store::{Space, Store};
use crate::model::Namespace;
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::limits;

use super::read::{read_token, write_token};
use super::{Call, Page};

/// A namespace as the API describes it.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceView {
    pub name: String,
    pub record_count: u64,
    pub filterable: Option<Vec<String>>,
}

impl NamespaceView {
    fn of(name: &Namespace, space: &Space) -> Self {
        Self {
            name: name.explicit().to_owned(),
            record_count: space.records.len() as u64,
            filterable: space.filterable.clone(),
        }
    }
}

impl Call {
    /// Returns a page of namespaces in bytewise order and the total number of those with the prefix.
    pub fn list_namespaces(
        &self,
        prefix: &str,
        limit: Option<u32>,
        token: Option<&str>,
    ) -> Answer<(Page<NamespaceView>, usize)> {
        let most = limits::LIST_NAMESPACES;
        let limit = match limit {
            None | Some(0) => most,
            Some(limit) if limit as usize <= most => limit as usize,
            Some(limit) => {
                return Err(Refusal::invalid(format!("limit must be 1 to {most}, got {limit}")));
            }
        };
        let after = token.filter(|token| !token.is_empty()).map(read_token).transpose()?;
        let store = self.index.read(self.project.now());
        let mut views: Vec<_> = store
            .spaces
            .iter()
            .filter(|(_, space)| space.exists())
            .map(|(name, space)| NamespaceView::of(name, space))
            .filter(|view| view.name.starts_with(prefix))
            .collect();
        views.sort_by(|a, b| a.name.cmp(&b.name));
        let total = views.len();
        views.retain(|view| after.as_ref().is_none_or(|after| view.name > *after));
        let is_more = views.len() > limit;
        views.truncate(limit);
        let next = views.last().filter(|_| is_more).map(|last| write_token(&last.name));
        Ok((Page { items: views, next, read_units: None }, total))
    }

    pub fn describe_namespace(&self, namespace: &Namespace) -> Answer<NamespaceView> {
        let store = self.index.read(self.project.now());
        let space = store.spaces.get(namespace).filter(|space| space.exists());
        space.map(|space| NamespaceView::of(namespace, space)).ok_or_else(not_found)
    }

    /// Returns the size of a namespace's stored records in bytes; visits every record.
    pub fn namespace_bytes(&self, name: &str) -> u64 {
        let store = self.index.read(self.project.now());
        let space = store.spaces.get(&Namespace::new(name));
        let records = space.into_iter().flat_map(|space| space.records.values());
        records.map(|stored| stored.record.stored_bytes() as u64).sum()
    }

    pub fn create_namespace(
        &self,
        name: &str,
        schema: Option<&MetadataSchema>,
    ) -> Answer<NamespaceView> {
        if name.is_empty() || name == Namespace::DEFAULT_ALIAS {
            return Err(Refusal::invalid(format!("The namespace name {name:?} is reserved")));
        }
        checks::check_namespace(name)?;
        schema.map_or(Ok(()), checks::check_schema)?;
        let namespace = Namespace::new(name);
        let check = |store: &Store| {
            self.refuse_more_namespaces(&namespace, store)?;
            if store.spaces.get(&namespace).is_some_and(Space::exists) {
                let message = format!("Namespace {name} already exists");
                return Err(Refusal::new(409, Code::AlreadyExists, message));
            }
            Ok(())
        };
        let filterable = schema.map(schema_fields);
        let now = self.project.now();
        self.index.create_namespace(&namespace, filterable.clone(), now, check)?;
        self.project.tally.write(&self.index.name);
        Ok(NamespaceView { name: name.to_owned(), record_count: 0, filterable })
    }

    /// Refuses a new namespace in an index that has as many as it can.
    pub(super) fn refuse_more_namespaces(&self, name: &Namespace, store: &Store) -> Answer<()> {
        let most = self.project.options.namespaces;
        if self.index.is_pod || store.spaces.len() < most || store.spaces.contains_key(name) {
            return Ok(());
        }
        let message = format!("The index has {most} namespaces, the most that are allowed");
        Err(Refusal::new(403, Code::Forbidden, message))
    }

    pub fn delete_namespace(&self, namespace: &Namespace) -> Answer<()> {
        if !self.index.drop_namespace(namespace)? {
            return Err(not_found());
        }
        self.project.tally.write(&self.index.name);
        Ok(())
    }
}

fn not_found() -> Refusal {
    Refusal::not_found("Namespace not found")
}
