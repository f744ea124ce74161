//! Collections: frozen copies of a pod's records, from which indexes are made.

use super::control::{Control, create_body};
use crate::error::{ErrorKind, Result};
use crate::model::IndexSpec;
use crate::pinecone_wire::Operation;
use crate::pinecone_wire::control::{CollectionModel, CreateCollection};
use crate::pinecone_wire::json::Int;
use crate::pinecone_wire::state::{CollectionState, NewWord};
use crate::store::{Collection, Standing};

fn described(model: CollectionModel) -> Collection {
    let state = model.status.unwrap_or_default();
    Collection {
        name: model.name,
        standing: standing(&state),
        state,
        dimension: model.dimension.and_then(Int::small),
        records: model.vector_count.map(|count| count.0),
        bytes: model.size.map(|bytes| bytes.0),
    }
}

fn standing(state: &str) -> Standing {
    match state.parse() {
        Ok(CollectionState::Ready) => Standing::Done,
        Ok(
            CollectionState::Failed | CollectionState::Terminating | CollectionState::Terminated,
        ) => Standing::Failed,
        // No document names the state of a collection that could not be made.
        Err(NewWord) if state.ends_with(CollectionState::Failed.word()) => Standing::Failed,
        Ok(CollectionState::Initializing) | Err(NewWord) => Standing::UnderWay,
    }
}

impl Control {
    pub async fn create_collection(&self, name: &str, source: &str) -> Result<()> {
        let body = CreateCollection { name: name.into(), source: source.into() };
        self.0.send(Operation::CreateCollection, "", &body).await.map(drop)
    }

    pub async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        match self.0.ask(Operation::DescribeCollection, name, &[]).await {
            Ok(reply) => Ok(Some(described(reply.json()?))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn delete_collection(&self, name: &str) -> Result<()> {
        match self.0.ask(Operation::DeleteCollection, name, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    pub async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        let mut body = create_body(spec)?;
        body.spec.set_source_collection(collection);
        self.0.send(Operation::CreateIndex, "", &body).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_whether_there_is_something_to_wait_for() {
        assert_eq!(standing("Ready"), Standing::Done);
        for word in ["Failed", "InitializationFailed", "Terminating", "Terminated"] {
            assert_eq!(standing(word), Standing::Failed, "{word}");
        }
        for word in ["Initializing", "SomethingNew", ""] {
            assert_eq!(standing(word), Standing::UnderWay, "{word}");
        }
    }
}
