//! Guards erasures on request, which belong to no stage.

use serde::Serialize;

use super::counts::counted;
use super::identity::refuse_other;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Identity, Namespace, Side, plural};
use crate::store::Store;

/// A namespace that holds records to erase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    pub namespace: Namespace,
    /// All its records, by the index's own count.
    pub records: u64,
    /// Those to erase.
    pub matching: u64,
}

/// The right to erase, once, what was shown.
#[derive(Debug)]
#[must_use]
pub struct ErasePermit(Vec<Holding>);

impl ErasePermit {
    pub(in crate::run) fn into_inner(self) -> Vec<Holding> {
        self.0
    }
}

/// Checks that `index` is the named one and, if a run knows it, the one in its journal, and that the namespaces still
/// hold as many records as were `shown`.
pub(in crate::run) async fn permit_erasure(
    index: &dyn Store,
    confirmed: &str,
    known: Option<(Side, &Identity)>,
    shown: &[Holding],
) -> Result<ErasePermit> {
    let seen = index.describe().await?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "there is no such index")
            .with_hint("check the index's name and that the API key belongs to its project")
    })?;
    let refused = |message: String| {
        Error::new(ErrorKind::Refused, message).with_hint("nothing was deleted; look again")
    };
    if confirmed != seen.spec.name {
        return Err(refused(format!(
            "`{confirmed}` was confirmed, the index is `{}`",
            seen.spec.name
        )));
    }
    if let Some((side, known)) = known {
        refuse_other(side, known, &seen)?;
    }
    let counts = counted(index).await?;
    match shown.iter().find(|shown| counts.count(&shown.namespace) != shown.records) {
        None => Ok(ErasePermit(shown.to_vec())),
        Some(changed) => Err(refused(format!(
            "`{}` was shown with {} and has {} now",
            changed.namespace,
            plural(changed.records, "record"),
            counts.count(&changed.namespace)
        ))),
    }
}
