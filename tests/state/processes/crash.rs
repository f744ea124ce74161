//! A process that is killed at any of its events; another one goes on in a fresh folder on another machine.

use std::collections::BTreeMap;

use crate::machines::{PLAN, RECORDS, RUN, Shelf, World, difference};

/// Waits for nobody, so that one process comes to the end if it is let.
fn world(shelf: Shelf) -> World {
    let mut world = World::of(&PLAN.replace(", approve: manual", ""), shelf);
    world.lease = "2s";
    world
}

/// Kills a process when it has written its n-th event, and goes on elsewhere. Returns the report; `None` where the run had
/// ended before.
fn killed(name: &str, make: fn(&str) -> Shelf, after: usize) -> Option<String> {
    let world = world(make(&format!("{name}-{after}")));
    let runner = world.machine("runner");
    let mut run = runner.start_run(&[]);
    for _ in 0..after {
        run.next_event()?;
    }
    run.kill();
    drop(runner);
    let last = world.go_on();
    world.assert_moved(RECORDS);
    let seen = last.json(&["artifacts", "ls", "moving.yaml"]);
    let names = seen["artifacts"].as_array().unwrap().len();
    // They are checked against their sums in the journal.
    let got = last.json(&["artifacts", "get", "moving.yaml", "--to", "fetched"]);
    assert_eq!(got["exit"]["code"], 0, "{after}: {got}");
    assert_eq!(got["files"].as_array().unwrap().len(), names, "{after}: {got}");
    Some(last.report())
}

/// Kills at some of the events, several side by side; at all of them with `VECSHIFT_LONG=1`.
fn matrix(name: &str, make: fn(&str) -> Shelf, some: &[usize]) {
    let expected = {
        let world = world(make(&format!("{name}-whole")));
        let machine = world.machine("runner");
        machine.does(RUN);
        machine.report()
    };
    let is_long = std::env::var("VECSHIFT_LONG").as_deref() == Ok("1");
    let all: Vec<usize> = if is_long { (1..200).collect() } else { some.to_vec() };
    let mut different = BTreeMap::new();
    for side_by_side in all.chunks(6) {
        let reports: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = side_by_side
                .iter()
                .map(|after| scope.spawn(move || (*after, killed(name, make, *after))))
                .collect();
            started.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let has_ended = reports.iter().all(|(_, report)| report.is_none());
        for (after, report) in &reports {
            let Some(report) = report else { continue };
            different.extend(difference(report, &expected).map(|what| (*after, what)));
        }
        if has_ended {
            assert!(is_long, "{side_by_side:?}: there are not as many events");
            break;
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn a_run_that_was_killed_goes_on_from_another_folder_by_s3() {
    matrix("killed", Shelf::s3, &[1, 12, 27, 44, 60, 88]);
}

#[test]
fn a_run_that_was_killed_goes_on_from_another_folder_by_azure() {
    matrix("killed", Shelf::azure, &[4, 26, 36, 50, 76, 100]);
}
