use async_trait::async_trait;

use super::{Acted, Check, Work};
use crate::error::Result;
use crate::model::Verdict;
use crate::run::Context;

/// A kind of stage that this version does not implement. Reading the plan has warned about it.
pub(super) struct NotYet;

#[async_trait]
impl Work for NotYet {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        context.note("not yet: ignored in this version")?;
        Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() })
    }

    async fn undo(&self, _: &Context) -> Result<String> {
        Ok("nothing was done".to_owned())
    }
}
