//! How the records of each namespace are found: by ids that the plan gives, or as the source splits the namespace.

use std::path::PathBuf;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Enumeration, Shard, View};
use crate::plan::Plan;
use crate::plan::file::{self, EnumerateBy, NamedEnumeration};
use crate::store::{Asked, Scan, Scope, Source, Split};

/// The number of namespaces split concurrently.
const AT_ONCE: usize = 4;

/// The enumeration of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Enumerated {
    pub mapping: Mapping,
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    /// A file of ids.
    Manifest(PathBuf),
    Split(Split),
}

impl Enumerated {
    pub fn name(&self) -> &'static str {
        match &self.by {
            By::Manifest(_) => "manifest",
            By::Split(split) => split.name,
        }
    }

    pub fn why(&self) -> &'static str {
        match &self.by {
            By::Manifest(_) => "the plan gives the ids",
            By::Split(split) => split.why,
        }
    }

    /// Describes how the namespace is cut; `None` if it is read whole.
    pub fn detail(&self) -> Option<&str> {
        match &self.by {
            By::Manifest(_) => None,
            By::Split(split) => split.detail.as_deref(),
        }
    }

    /// Returns the shards of the namespace.
    pub fn shards(&self) -> Vec<Shard> {
        let shard = |cell: u32, enumeration: Enumeration, expected: u64| Shard {
            source: self.mapping.source.clone(),
            cell,
            target: self.mapping.target.clone(),
            enumeration,
            expected,
        };
        match &self.by {
            By::Manifest(file) => {
                vec![shard(0, Enumeration::Manifest { file: file.clone() }, self.mapping.records)]
            }
            By::Split(split) => {
                let first = u32::from(split.detail.is_some());
                let numbered = (first..).zip(&split.ranges);
                numbered
                    .map(|(number, part)| {
                        shard(number, Enumeration::Scan(part.range.clone()), part.records)
                    })
                    .collect()
            }
        }
    }

    /// Explains why some records cannot be reached; `None` if all can.
    pub fn gap(&self) -> Option<Error> {
        match &self.by {
            By::Manifest(_) => None,
            By::Split(split) => split.refusal(),
        }
    }
}

/// The inputs for choosing how to enumerate.
pub(crate) struct Enumerator<'a> {
    pub plan: &'a Plan,
    pub copy: &'a file::Copy,
    pub source: Arc<dyn Source>,
    /// The most counts to request per namespace; `None` for as many as needed.
    pub most_counts: Option<u64>,
    /// Whether a split that is known already will not do.
    pub is_anew: bool,
    /// The view that the shards are read from; `None` for what is there now.
    pub view: Option<View>,
}

impl Enumerator<'_> {
    /// Chooses an enumeration for each namespace, in order.
    ///
    /// # Errors
    /// `Refused` if the plan asks for an enumeration that the source does not support or that cannot reach every id.
    pub async fn all(&self, mappings: &[Mapping]) -> Result<Vec<Enumerated>> {
        let all: Vec<_> = mappings.iter().map(|mapping| self.one(mapping)).collect();
        stream::iter(all).buffered(AT_ONCE).try_collect().await
    }

    /// Chooses an enumeration for one namespace. What cannot be reached is reported by [`Enumerated::gap`].
    ///
    /// # Errors
    /// Any error of [`Enumerator::all`].
    pub async fn one(&self, mapping: &Mapping) -> Result<Enumerated> {
        let by = match &self.copy.enumerate {
            EnumerateBy::Manifest(manifest) => {
                see_distinct(&*self.source).await?;
                let name = manifest.manifest.file.as_deref().unwrap_or("ids.csv");
                By::Manifest(self.plan.base.join(name))
            }
            EnumerateBy::Named(by) => By::Split(self.split(mapping, *by).await?),
        };
        Ok(Enumerated { mapping: mapping.clone(), by })
    }

    async fn split(&self, mapping: &Mapping, by: NamedEnumeration) -> Result<Split> {
        let scan: Arc<dyn Scan> = self.source.must_scan()?;
        see_distinct(&*self.source).await?;
        scan.promise().refuse_uncounted()?;
        let scope = Scope { namespace: &mapping.source, records: mapping.records };
        let (most_counts, is_anew) = (self.most_counts, self.is_anew);
        let asked = Asked { by, most_counts, is_anew, view: self.view.as_ref() };
        scan.split(scope, asked).await
    }
}

/// Looks for ids that are there twice, where only a look says that none is.
///
/// # Errors
/// `Conflict` with both places of such an id.
pub(crate) async fn see_distinct(source: &dyn Source) -> Result<()> {
    match source.scan() {
        Some(scan) if scan.promise().repeats => scan.see_distinct(false).await,
        _ => Ok(()),
    }
}

/// Reports all gaps as one error.
///
/// # Errors
/// `Refused`, naming the namespaces that cannot be enumerated completely.
pub(crate) fn refuse_gaps(enumerated: &[Enumerated]) -> Result<()> {
    let mut gaps: Vec<Error> = enumerated.iter().filter_map(Enumerated::gap).collect();
    match gaps.len() {
        0 => Ok(()),
        1 => Err(gaps.remove(0)),
        count => {
            let lines: Vec<&str> = gaps.iter().take(10).map(Error::message).collect();
            let message =
                format!("{count} namespaces cannot be enumerated completely: {}", lines.join("; "));
            let hint = gaps.first().and_then(Error::hint).unwrap_or_default().to_owned();
            Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
        }
    }
}
