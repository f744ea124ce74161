use std::collections::HashSet;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record, RecordId};

/// Reading by id.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Most ids of one request.
    fn most(&self) -> usize;

    /// Makes an id of the kind that the store keeps out of one that somebody has written as a text.
    ///
    /// # Behavior
    /// - A text that is none stays a text, which then is not there.
    /// - What the index keeps is known once it was described.
    fn own_kind(&self, id: RecordId) -> RecordId {
        id
    }

    /// Returns records by id.
    ///
    /// # Behavior
    /// - An id that is not there is absent from the answer; that is not an error.
    /// - The order of the answer is not promised.
    /// - At most [`Fetch::most`] ids; an empty list gives an empty answer.
    /// - Vectors come back bit for bit as the peer sent them.
    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>>;

    /// Finds many ids in one pass over all that there are, for a store that needs such a pass for any number of them; `None`
    /// where a request costs what it asks for.
    fn passes(&self) -> Option<&dyn Passes> {
        None
    }
}

/// Looking for ids by reading all of them. Who has many of them asks for as many as a pass takes, and then reads the records
/// of those that are there.
#[async_trait]
pub trait Passes: Send + Sync {
    /// Most ids of one pass: what has to be held of them is bounded.
    fn most_ids(&self) -> usize;

    /// Returns those of `ids` that are there.
    ///
    /// # Behavior
    /// - At most [`Passes::most_ids`]; none gives none.
    /// - Reading their records next takes no other pass, unless many ids were looked for since.
    async fn present(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<HashSet<RecordId>>;
}

/// Records by id in as many requests as the store's limit asks for; each id at most once. What the store says is too
/// large an answer is asked for in halves.
///
/// # Errors
/// `Protocol` where the store answers with a record nobody asked for.
pub async fn fetch_all(
    from: &dyn Fetch,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut parts: Vec<&[RecordId]> = ids.chunks(from.most().max(1)).rev().collect();
    while let Some(part) = parts.pop() {
        let answer = match from.fetch(namespace, part).await {
            Err(error) if error.kind() == ErrorKind::TooLarge && part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([right, left]);
                continue;
            }
            answer => answer?,
        };
        let mut asked: HashSet<&RecordId> = part.iter().collect();
        for record in &answer {
            if !asked.remove(&record.id) {
                let message = format!(
                    "the source answered with `{}`, which was not asked for",
                    record.id.shown()
                );
                return Err(Error::new(ErrorKind::Protocol, message)
                    .with_context("namespace", namespace.explicit()));
            }
        }
        // As a rule there is one answer, and it is all of them.
        match records.is_empty() {
            true => records = answer,
            false => records.extend(answer),
        }
    }
    Ok(records)
}
