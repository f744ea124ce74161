//! Checks of a canary's steps.

use super::super::codes;
use super::super::file::{Canary, StageKind, Traffic};
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let stages: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Canary(canary) => Some((pointer, canary.clone())),
            _ => None,
        })
        .collect();
    for (pointer, canary) in stages {
        if context.file.traffic.is_none() && !context.is_tainted("/traffic") {
            let message = "this stage moves traffic, and the plan does not say how";
            context.report_with(&codes::NO_TRAFFIC, &format!("{pointer}/kind"), message, |d| {
                d.note("the drivers are `flagd`, `env_file`, `alias`, `webhook` and `exec`").help(
                    "add for example `traffic: { flagd: { file: flags.json, flag: use-new-index, bucket_by: user_id } }`",
                )
            });
        }
        weights(context, &pointer, &canary);
        keep_warm(context, &pointer, &canary);
    }
}

fn weights(context: &mut Context<'_>, pointer: &str, canary: &Canary) {
    let only_ends = match context.file.traffic {
        Some(Traffic::EnvFile(_)) => Some(("/traffic/env_file", "an env file")),
        Some(Traffic::Alias(_)) => Some(("/traffic/alias", "an alias")),
        _ => None,
    };
    let mut before: Option<(crate::model::Share, String)> = None;
    for (index, step) in canary.steps.iter().enumerate() {
        let at = format!("{pointer}/steps/{index}/weight");
        if context.is_tainted(&at) {
            continue;
        }
        let weight = step.weight;
        match &before {
            _ if weight.0 <= 0.0 => {
                let message = "a step moves some traffic: its weight is above 0%";
                context.report(&codes::WEIGHTS, &at, message);
            }
            Some((last, place)) if weight <= *last => {
                let message =
                    format!("{weight} is not above {last}, the weight of the step before");
                let place = context.region(place);
                context.report_with(&codes::WEIGHTS, &at, message, |d| {
                    d.related(place, "the step before")
                });
            }
            _ => {}
        }
        if let Some((driver, what)) = only_ends.filter(|_| weight.0 < 1.0) {
            let driver = context.key_region(driver);
            let message = format!("{what} cannot send {weight} of the traffic");
            context.report_with(&codes::DRIVER_WEIGHT, &at, message, |d| {
                d.related(driver, "it is either the source or the target").help(
                    "use only `weight: 100%`, or a driver with shares: `flagd`, `webhook`, `exec`",
                )
            });
        }
        before = Some((weight, at));
    }
}

fn keep_warm(context: &mut Context<'_>, pointer: &str, canary: &Canary) {
    let Some(keep_warm) = &canary.keep_warm else { return };
    let words: Vec<_> = keep_warm.namespaces.split_whitespace().collect();
    let fits = match words.as_slice() {
        ["all"] => true,
        ["hottest", count] => count.parse::<u32>().is_ok_and(|count| count > 0),
        _ => false,
    };
    if !fits {
        let message = format!("`{}` does not say which namespaces", keep_warm.namespaces);
        context.report_with(
            &codes::UNKNOWN_WORD,
            &format!("{pointer}/keep_warm/namespaces"),
            message,
            |d| d.label("write `all` or `hottest 10`"),
        );
    }
}
