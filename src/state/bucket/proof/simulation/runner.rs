//! Runners, which take the plan and work on it.

use std::time::Duration;

use tokio::time::sleep;

use super::super::{PLAN, begun, entry, holder, noted};
use super::dice::Dice;
use super::machine::bucket;
use super::world::{World, run_of};
use crate::error::Result;
use crate::journal::{Entry, Event};
use crate::state::{Backend, Hold, Log, Taken};

/// Takes the plan several times, each time as another process.
pub(super) async fn runner(world: World, number: u32, mut rng: Dice) {
    let mut tries = 0;
    while tries < 8 {
        tries += 1;
        let name = format!("{number}.{tries}");
        let home = bucket(&world, &mut rng).home(PLAN);
        let acked = world.truth().acked.len();
        match home.take(&holder(&name)).await {
            Ok(taken) => {
                if let Some(run) = run_of(&taken.entries) {
                    world.check(&run, &taken.entries, acked);
                }
                if let Err(error) = work(&world, &name, taken, &mut rng).await {
                    world.judge(&name, &error);
                }
                tries += 3;
            }
            Err(error) => world.judge(&name, &error),
        }
        sleep(Duration::from_millis(rng.within(200..4_000))).await;
    }
}

async fn work(world: &World, name: &str, taken: Taken, rng: &mut Dice) -> Result<()> {
    let Taken { mut log, entries } = taken;
    {
        let mut truth = world.truth();
        truth.entered.insert(name.to_owned());
        truth.played.takes += 1;
        if truth.unlocked.contains(&truth.epochs[name]) && world.omit.is_none() {
            truth.wrong.get_or_insert(format!("{name} was unlocked before it had the plan"));
        }
    }
    let hold = log.hold();
    let is_left = rng.tenths(6);
    let done = tokio::select! {
        biased;
        error = hold.keep() => Err(error),
        done = steps(world, name, (&mut *log, &*hold), entries, rng) => done,
    };
    if is_left {
        log.release().await;
    }
    done
}

async fn steps(
    world: &World,
    name: &str,
    (log, hold): (&mut dyn Log, &dyn Hold),
    entries: Vec<Entry>,
    rng: &mut Dice,
) -> Result<()> {
    let mut seq = entries.len() as u64;
    let mut run = run_of(&entries);
    let mut has_ended = entries.last().is_some_and(|entry| entry.event == Event::RunFinished);
    // What is copied goes on without a word.
    if run.is_some() && rng.tenths(3) {
        batch(world, name, hold, rng).await?;
    }
    for step in 0..rng.within(1..5) {
        if run.is_none() || has_ended {
            if let Some(run) = &run {
                log.archive(run).await?;
            }
            let new = {
                let mut truth = world.truth();
                truth.runs += 1;
                format!("R{}", truth.runs)
            };
            (run, seq, has_ended) = (Some(new.clone()), 0, false);
            let started = [entry(0, begun(&new))];
            log.append(&started).await?;
            world.acked(&new, &started);
            seq += 1;
        }
        let of = run.clone().unwrap_or_default();
        let intents: Vec<_> = (0..rng.within(1..3))
            .map(|nth| entry(seq + nth, noted(format!("{name}/{step}/{nth}"))))
            .collect();
        seq += intents.len() as u64;
        log.append(&intents).await?;
        world.acked(&of, &intents);
        // A copy goes on for long without a word.
        let batches = if rng.tenths(3) { 6..14 } else { 1..3 };
        for _ in 0..rng.within(batches) {
            batch(world, name, hold, rng).await?;
            sleep(Duration::from_millis(rng.within(10..1_500))).await;
        }
        if rng.tenths(1) {
            let finished = [entry(seq, Event::RunFinished)];
            log.append(&finished).await?;
            world.acked(&of, &finished);
            has_ended = true;
        }
    }
    Ok(())
}

/// An effect of those that are looked at and not intended one by one.
async fn batch(world: &World, name: &str, hold: &dyn Hold, rng: &mut Dice) -> Result<()> {
    world.tick();
    hold.pass().await?;
    // Whoever lets go of a plan has seen the end of what it did.
    sleep(world.effect(name, rng)).await;
    Ok(())
}
