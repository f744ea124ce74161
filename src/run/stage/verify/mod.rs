//! Compares both sides: counts, ids, contents, answers and their times.

mod content;
mod counts;
mod differences;
mod freshness;
mod latency;
mod queries;

use std::time::Duration;

use async_trait::async_trait;

use self::freshness::catch_up;
pub(super) use self::queries::overlap_ks;
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::plan::file::Verify;
use crate::run::Context;

/// How long the target may take to show everything, where the plan does not say.
const CATCH_UP: Duration = Duration::from_secs(600);

pub(super) struct VerifyWork(pub Verify);

#[async_trait]
impl Work for VerifyWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let shards = copied_shards(context)?;
        let limit = self.0.catch_up.map_or(CATCH_UP, |span| span.0);
        catch_up(context, &shards, limit).await?;
        let (mut target, mut source) = (Measured::default(), Measured::default());
        // Cold queries come first: comparing would warm every namespace up.
        if let Some(asked) = &self.0.queries {
            self.measure_queries(context, &shards, asked, &mut target, &mut source).await?;
        }
        self.count(context, &shards, &mut target).await?;
        self.compare(context, &shards, &mut target).await?;
        Ok(Acted::Measured { target, source })
    }

    async fn undo(&self, _: &Context) -> Result<String> {
        Ok("nothing to undo".to_owned())
    }
}

/// The shards of the copy that ran.
fn copied_shards(context: &Context) -> Result<Vec<ShardState>> {
    let shards: Vec<ShardState> = context.recorder.with_state(|state| {
        state.stages.iter().flat_map(|stage| stage.shards.values().cloned()).collect()
    });
    if shards.is_empty() {
        return Err(Error::new(
            ErrorKind::Refused,
            "nothing was copied in this run that could be verified",
        )
        .with_hint("put a copy stage before the verify stage"));
    }
    Ok(shards)
}
