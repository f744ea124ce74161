//! Who is there beside the runners: one who reads, one who unlocks, and whoever comes last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::sleep;

use super::super::{PLAN, holder, home, texts};
use super::dice::Dice;
use super::machine::bucket;
use super::world::{World, run_of};
use crate::state::Backend;
use crate::state::bucket::head::Head;

/// Reads again and again: a journal only ever grows.
pub(super) async fn observer(world: World, mut rng: Dice) {
    let clean = World { outage: None, ..world.clone() };
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    loop {
        sleep(Duration::from_millis(rng.within(8_000..40_000))).await;
        let acked = clean.truth().acked.len();
        let home = bucket(&clean, &mut rng).home(PLAN);
        let entries = match home.entries().await {
            Ok(entries) => entries,
            Err(error) => {
                world.judge("an observer", &error);
                continue;
            }
        };
        let Some(run) = run_of(&entries) else {
            if acked > 0 {
                world.wrong(format!("{acked} events were acknowledged, and no run is seen"));
            }
            continue;
        };
        world.check(&run, &entries, acked);
        let now = texts(&entries);
        if let Some(before) = seen.insert(run.clone(), now.clone())
            && !now.starts_with(&before)
        {
            world.wrong(format!("{run} was {before:?} and is {now:?}"));
        }
    }
}

/// Unlocks who has the plan and has not yet read it: before its fence, so that it must not begin anything.
pub(super) async fn operator(world: World, mut rng: Dice) {
    let home = home(&world.shelf);
    loop {
        sleep(Duration::from_millis(rng.within(20..2_000))).await;
        let (head, is_in) = {
            let truth = world.truth();
            let Some(Head { holder: Some(holder), run: Some(_), epoch, .. }) = &truth.head else {
                continue;
            };
            let is_in = truth.entered.contains(&holder.name) || truth.fenced >= *epoch;
            (truth.head.clone(), is_in)
        };
        let Some(Head { lock: Some(lock), epoch, .. }) = head else { continue };
        if !is_in && home.unlock(&lock).await.is_ok() {
            let mut truth = world.truth();
            truth.unlocked.insert(epoch);
            truth.played.unlocked += 1;
        }
    }
}

/// All are gone: somebody takes the plan once the lease is over, and everything is there.
pub(super) async fn last(world: &World) {
    let home = home(&world.shelf);
    sleep(Duration::from_secs(60)).await;
    match home.take(&holder("last")).await {
        Ok(taken) => taken.log.release().await,
        Err(error) => world.wrong(format!("nobody can take the plan any more: {error}")),
    }
    let runs: BTreeSet<_> = world.truth().acked.iter().map(|(run, ..)| run.clone()).collect();
    let acked = world.truth().acked.len();
    for run in runs {
        match home.entries_of(&run).await {
            Ok(entries) => world.check(&run, &entries.unwrap_or_default(), acked),
            Err(error) => world.wrong(format!("{run} cannot be read: {error}")),
        }
    }
}
