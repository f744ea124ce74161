//! Checks that merged namespaces share no id before the first record is copied.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::origin::{Lists, ids_of};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Namespace, Shard};
use crate::provider::manifest::{Sorted, SortedId, Sorter};
use crate::store::Source;
use crate::text::named;

/// The number of ids requested at once.
const CHUNK: usize = 1_000;
/// The most ids named in an error.
const NAMED: usize = 5;

/// Walks the ids of `shards`, all of which go to merged namespaces, and compares them as one sorted stream, so that
/// memory does not grow with their number. `folder` holds the sorted files, and `seen` receives the number of ids
/// walked.
///
/// # Errors
/// `Refused` with the first ids that two sources share; any error of finding the ids.
pub async fn prove_disjoint<'a>(
    source: Arc<dyn Source>,
    shards: &'a [Shard],
    lists: &(dyn Fn(&'a Shard) -> BoxFuture<'a, Result<Lists>> + Send + Sync),
    folder: &Path,
    seen: &mut (dyn FnMut(u64) -> Result<()> + Send),
) -> Result<()> {
    let mut sources: Vec<Namespace> = shards.iter().map(|shard| shard.source.clone()).collect();
    sources.sort();
    sources.dedup();
    let mut sorter = Sorter::new(folder)?;
    let mut walked = 0;
    for shard in shards {
        let origin = sources.binary_search(&shard.source).unwrap_or_default() as u32;
        let mut ids = ids_of(&*source, shard, &Cursor::Start, lists(shard).await?).await?;
        while let Some(chunk) = ids.next(CHUNK).await? {
            for id in &chunk.ids {
                sorter.push(shard.target.as_str(), &id.text(), origin, 0)?;
            }
            walked += chunk.ids.len() as u64;
            seen(walked)?;
        }
    }
    let found = blocking(move || collision(sorter.finish()?)).await?;
    match found {
        None => Ok(()),
        Some(collision) => Err(collision.refusal(&sources)),
    }
}

/// The ids that the first two colliding sources share.
#[derive(Debug, PartialEq, Eq)]
struct Collision {
    target: Vec<u8>,
    sources: (u32, u32),
    ids: Vec<Vec<u8>>,
    count: u64,
}

fn collision(sorted: Sorted) -> Result<Option<Collision>> {
    let mut found: Option<Collision> = None;
    let mut last: Option<SortedId> = None;
    for next in sorted {
        let next = next?;
        let same = last.as_ref().filter(|last| {
            last.namespace == next.namespace && last.id == next.id && last.origin != next.origin
        });
        if let Some(last) = same {
            let sources = (last.origin, next.origin);
            let of_two = found.get_or_insert_with(|| Collision {
                target: next.namespace.clone(),
                sources,
                ids: Vec::new(),
                count: 0,
            });
            if (&of_two.target, of_two.sources) == (&next.namespace, sources) {
                of_two.count += 1;
                if of_two.ids.len() < NAMED {
                    of_two.ids.push(next.id.clone());
                }
            }
        }
        last = Some(next);
    }
    Ok(found)
}

impl Collision {
    fn refusal(&self, sources: &[Namespace]) -> Error {
        let name = |origin: u32| sources.get(origin as usize).map(Namespace::to_string);
        let ids: Vec<String> = self
            .ids
            .iter()
            .map(|id| format!("`{}`", named(&String::from_utf8_lossy(id))))
            .collect();
        let more = match self.count - self.ids.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "`{}` and `{}` would both become `{}`, and both hold the ids {}{more}: one record of each would be lost",
            name(self.sources.0).unwrap_or_default(),
            name(self.sources.1).unwrap_or_default(),
            Namespace::from(String::from_utf8_lossy(&self.target).as_ref()),
            ids.join(", "),
        );
        Error::new(ErrorKind::Refused, message).with_hint(
            "give them different names, or leave one out with `namespaces.exclude`; nothing was copied into it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collide(ids: &[(&str, &str, u32)]) -> Option<Collision> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path()).unwrap();
        for (target, id, origin) in ids {
            sorter.push(target, id, *origin, 0).unwrap();
        }
        collision(sorter.finish().unwrap()).unwrap()
    }

    #[test]
    fn the_same_id_in_two_sources_of_one_target_collides() {
        let found = collide(&[("t", "a", 0), ("t", "b", 0), ("t", "b", 1), ("u", "a", 1)]).unwrap();
        assert_eq!((found.count, found.sources), (1, (0, 1)));
        let text = found.refusal(&["one".into(), "two".into()]).to_string();
        assert!(text.contains("`one` and `two`") && text.contains("the ids `b`:"), "{text}");
    }

    #[test]
    fn ids_in_parts_of_one_source_or_in_other_targets_do_not() {
        assert_eq!(collide(&[("t", "a", 0), ("t", "a", 0), ("u", "a", 1)]), None);
    }

    #[test]
    fn many_collisions_are_counted_and_a_few_are_named() {
        let names: Vec<String> = (0..20).map(|n| format!("id-{n:02}")).collect();
        let ids: Vec<(&str, &str, u32)> = names
            .iter()
            .flat_map(|name| [("t", name.as_str(), 0), ("t", name.as_str(), 1)])
            .collect();
        let found = collide(&ids).unwrap();
        assert_eq!((found.count, found.ids.len()), (20, NAMED));
    }
}
