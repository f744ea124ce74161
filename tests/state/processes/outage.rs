//! A bucket that goes away while a process copies, and comes back.

use std::time::Duration;

use vecshift::clock::Stopwatch;

use crate::machines::{RUN, Shelf, World, slow, until};
use crate::proxy::Fate;

/// A lease of two seconds, and what may be under way at its end.
const LEASE: Duration = Duration::from_millis(2500);
/// Longer than a second process would wait for the plan.
const AWAY: Duration = Duration::from_secs(6);

#[test]
fn a_copy_stands_still_while_the_bucket_is_away_and_goes_on_afterwards() {
    let direct = Shelf::s3("away");
    let proxy = direct.proxy();
    // Long enough not to be over before the lease.
    let plan = slow().replace("240", "480").replace("40/s", "60/s");
    let mut world = World::of(&plan, direct.through(&proxy));
    world.lease = "2s";
    let mut run = world.machine("runner").start(RUN);
    world.until_in_the_middle();
    proxy.rule(|_| Fate::Cut);
    let watch = Stopwatch::start();
    until("the end of the lease", || (watch.elapsed() > LEASE).then_some(()));
    let at_its_end = world.records("new");
    until("a while after it", || (watch.elapsed() > AWAY).then_some(()));
    assert_eq!(world.records("new"), at_its_end, "something was written without a lease");
    assert!(at_its_end.is_some_and(|count| count < 480), "{at_its_end:?}");
    assert!(!run.has_ended());
    proxy.rule(|_| Fate::Pass);
    run.until("waits for");
    world.machine("desk").does(&["approve", "moving.yaml"]);
    let said = run.end();
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    world.assert_moved(480);
}

#[test]
fn a_key_that_expires_in_mid_run_is_named_and_a_new_one_goes_on() {
    let direct = Shelf::s3("expired");
    let proxy = direct.proxy();
    let mut world = World::of(&slow(), direct.through(&proxy));
    world.lease = "2s";
    let run = world.machine("runner").start(RUN);
    world.until_in_the_middle();
    proxy.rule(|_| Fate::Refuse(400, "ExpiredToken", "The provided token has expired."));
    let said = run.end();
    assert_eq!(said.code, 3, "{}\n{}", said.out, said.err);
    for part in
        ["the key for `shelf` has expired", "The provided token has expired", "AWS_SESSION_TOKEN"]
    {
        assert!(
            said.err.contains(part) || said.out.contains(part),
            "{part}: {}\n{}",
            said.out,
            said.err
        );
    }
    proxy.rule(|_| Fate::Pass);
    world.go_on();
    world.assert_moved(240);
}
