//! How the records of one side are read for a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Transfer, copied};
use crate::model::{Contents, Namespace, Side, VectorField};
use crate::run::Context;
use crate::run::contents::{Take, current_shards, walk, walk_anew};
use crate::run::line::Lines;
use crate::run::sides::no_source;
use crate::store::Source;
use crate::store::read::{PAGE_BYTES, PageSize, Reading};

/// One side, and how its records are read.
pub(super) enum Records {
    /// As the copies read the source: their ids are found where they were found then.
    Source {
        index: Arc<dyn Source>,
        fields: Vec<VectorField>,
        lines: Box<Lines>,
        copied: BTreeMap<Namespace, Vec<Transfer>>,
    },
    /// As the target itself finds them.
    Target { index: Arc<dyn Source>, fields: Vec<VectorField>, reading: Reading },
}

impl Records {
    /// Looks at a side and prepares reading it.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn of(context: &Context, side: Side) -> Result<Self> {
        let world = &context.world;
        match side {
            Side::Source => {
                let seen = world.source.describe().await?.ok_or_else(|| no_source(context))?;
                let (index, lines) = (world.source.clone(), Box::new(Lines::of(context).await?));
                let (fields, copied) = (seen.spec.vectors(), copied(&context.state));
                Ok(Self::Source { index, fields, lines, copied })
            }
            Side::Target => {
                let index: Arc<dyn Source> = world.target.clone();
                let seen = index.describe().await?.ok_or_else(|| {
                    let message = format!("there is no index `{}`", context.plan.target.index);
                    Error::new(ErrorKind::NotFound, message)
                        .with_hint("take the snapshot of the target after a `create` stage")
                })?;
                let dimension = seen.spec.dimension.unwrap_or(0) as usize;
                let size = PageSize::new(index.limits().fetch_ids, PAGE_BYTES, dimension);
                let (fields, reading) =
                    (seen.spec.vectors(), Reading::new(world.room.clone(), size));
                Ok(Self::Target { index, fields, reading })
            }
        }
    }

    pub fn index(&self) -> &dyn Source {
        match self {
            Self::Source { index, .. } | Self::Target { index, .. } => &**index,
        }
    }

    /// The vectors that a record of it may have.
    pub fn fields(&self) -> &[VectorField] {
        match self {
            Self::Source { fields, .. } | Self::Target { fields, .. } => fields,
        }
    }

    /// Reads every record of a namespace, which holds `count`, and passes it to `to`.
    ///
    /// # Errors
    /// `Refused` if it changes meanwhile or some ids cannot be found; any error of reading or of `to`.
    pub async fn read(
        &self,
        context: &Context,
        namespace: &Namespace,
        count: u64,
        to: &mut dyn Take,
    ) -> Result<Contents> {
        match self {
            Self::Source { lines, copied, .. } => {
                let transfer = copied.get(namespace).and_then(|transfers| transfers.first());
                let shards = current_shards(context, namespace, count, transfer).await?;
                let line = lines.get(transfer.map(|transfer| &transfer.copy));
                walk(context, line, &shards, to).await
            }
            Self::Target { index, reading, .. } => {
                walk_anew(context, index, namespace, count, reading, to).await
            }
        }
    }
}
