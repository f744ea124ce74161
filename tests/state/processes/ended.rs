//! A process that its CI stops.

use std::time::Duration;

use vecshift::clock::Stopwatch;

use crate::machines::{Process, RUN, Shelf, World, slow};

/// What GitHub gives a job between its signal and the end.
const BUDGET: Duration = Duration::from_millis(7500);

fn terminated(run: Process) {
    let watch = Stopwatch::start();
    run.signal("-TERM");
    let said = run.end();
    let took = watch.elapsed();
    assert_eq!(said.code, 143, "{}\n{}", said.out, said.err);
    assert!(took < BUDGET, "it took {took:?}");
}

#[test]
fn a_stop_in_a_copy_and_in_a_bake_lets_go_at_once() {
    let mut world = World::of(&slow().replace("bake: 1s", "bake: 8s"), Shelf::s3("stopped"));
    // Longer than the test: a plan that was not let go of would stay taken.
    world.lease = "2m";
    let one = world.machine("one");
    let run = one.start(RUN);
    world.until_in_the_middle();
    terminated(run);
    let two = world.machine("two");
    assert_eq!(two.does(&["lock", "show"]), "No plan is locked.\n");
    let mut run = two.start(RUN);
    run.until("waits for");
    world.machine("desk").does(&["approve", "moving.yaml"]);
    run.until("step 1 bakes for");
    terminated(run);
    let last = world.go_on();
    world.assert_moved(240);
    assert!(last.does(&["status", "moving.yaml"]).contains("nothing is left to do"));
}
