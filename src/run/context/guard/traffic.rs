//! Checks which side answers the application's queries, as the traffic driver reads it.

use super::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::run::Context;
use crate::traffic::{Seen, Standing};

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteSource(checked) => {
            all_on_the_target(context, checked.confirmed.traffic_unknown).await
        }
        Effect::DeleteTarget { .. } => none_on_the_target(context).await,
        Effect::SetWeight(weight) if weight.0 > 0.0 => as_the_run_left_it(context).await,
        _ => Ok(()),
    }
}

/// Returns whether the plan's traffic driver cannot read the weight back.
pub(super) async fn is_unknown(context: &Context) -> Result<bool> {
    Ok(matches!(read(context).await?, Some(Seen::Mute)))
}

/// Reads the weight; `None` if the plan moves no traffic.
async fn read(context: &Context) -> Result<Option<Seen>> {
    let Some(driver) = &context.driver else { return Ok(None) };
    let seen = driver.read().await;
    seen.map(Some).map_err(|error| error.with_operation("read the weight"))
}

/// Refuses to overwrite a weight that somebody else set. Taking traffic back is exempt from this check.
async fn as_the_run_left_it(context: &Context) -> Result<()> {
    let Some(now) = context.traffic_now().await else { return Ok(()) };
    match &now.standing {
        Standing::AsLeft => Ok(()),
        Standing::Changed(change) => Err(Error::new(ErrorKind::Refused, change.to_string())),
        Standing::Unknown => now.into_failure().map_or(Ok(()), Err),
    }
}

async fn all_on_the_target(context: &Context, may_be_unknown: bool) -> Result<()> {
    let Some(now) = context.traffic_now().await else { return Ok(()) };
    let message = match (now.standing, now.seen?) {
        // The weight may be unchanged while what it applies to has changed.
        (Standing::Changed(change), Seen::Weight { share, .. })
            if share.is_same(Share(1.0)) && change.from.is_some() =>
        {
            change.to_string()
        }
        (_, Seen::Weight { share, .. }) if share.is_same(Share(1.0)) => return Ok(()),
        (_, Seen::Mute) if may_be_unknown => return Ok(()),
        (_, Seen::Weight { share, .. }) => {
            format!("{share} of the traffic is on the target: the source still answers queries")
        }
        (_, Seen::Unset(what) | Seen::Foreign(what)) => {
            format!("{what}: the source still answers queries")
        }
        (_, Seen::Mute) => "the traffic driver cannot read the weight".to_owned(),
    };
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "find out who moved the traffic; put it back to 100 %, or roll back. The source was not deleted",
    ))
}

async fn none_on_the_target(context: &Context) -> Result<()> {
    let left = context.state.traffic.clone();
    let is_back = left.asked.is_none() && left.weight().is_none_or(|last| last.is_same(Share(0.0)));
    let message = match read(context).await {
        Ok(None | Some(Seen::Unset(_) | Seen::Foreign(_))) => return Ok(()),
        Ok(Some(Seen::Weight { share, .. })) if share.is_same(Share(0.0)) => return Ok(()),
        Ok(Some(Seen::Weight { share, .. })) => format!("{share} of the traffic is on the target"),
        // This run never moved traffic there, or has asked for it back.
        Ok(Some(Seen::Mute)) | Err(_) if is_back => return Ok(()),
        Ok(Some(Seen::Mute)) => "traffic may be on the target".to_owned(),
        Err(error) => return Err(error),
    };
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("take the traffic back first, then roll back again"))
}
