//! Sets the traffic weight.

use super::Effect;
use super::permit::{Permit, permit};
use crate::error::{Error, Result};
use crate::journal::Event;
use crate::model::Share;
use crate::run::Context;
use crate::traffic::{Driver, Shift, shift};

/// Records the intent, sets a weight, and records the result. A step forward first requires the traffic to be where the
/// run left it; taking traffic back sets 0 whoever moved it.
///
/// # Errors
/// If the weight was not set, or it is unknown whether it was.
pub(in crate::run) async fn set_weight(
    context: &Context,
    driver: &dyn Driver,
    step: usize,
    weight: Share,
) -> Result<()> {
    let permit = permit(context, &Effect::SetWeight(weight)).await.map_err(Error::from)?;
    set(context, driver, step, permit).await
}

async fn set(context: &Context, driver: &dyn Driver, step: usize, permit: Permit) -> Result<()> {
    let Effect::SetWeight(weight) = *permit.effect() else { return Ok(()) };
    let stage = context.id();
    context.keep(Event::WeightIntended { stage: stage.clone(), step, weight }).await?;
    let set = |actual, print, despite: Option<Error>| {
        let despite = despite.map(|error| error.to_string());
        Event::WeightSet { stage: stage.clone(), step, weight, actual, print, despite }
    };
    match shift(driver, weight, &context.clock).await? {
        Shift::Set { print, despite } => {
            if let Some(error) = &despite {
                context.note(format!("{weight} is set, although the driver failed: {error}"))?;
            }
            context.record(set(Some(weight), print, despite))
        }
        Shift::Requested => context.record(set(None, None, None)),
        Shift::NotSet { error, after } => {
            let said = error.to_string();
            context.record(Event::WeightNotSet { stage, step, weight, error: said, after })?;
            Err(error)
        }
    }
}
