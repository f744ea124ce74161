//! Two processes that want the same plan.

use crate::machines::{DEADLINE, Machine, Process, RUN, Shelf, World, slow, until};
use vecshift::clock::Stopwatch;

/// What a job of GitHub Actions has in its environment.
fn job(machine: Machine, number: &str) -> Machine {
    machine.with(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_REPOSITORY", "acme/vectors"),
        ("GITHUB_RUN_ID", number),
    ])
}

/// Starts a second process again and again, until it gets the plan.
fn takes_over(machine: &Machine, from: &str) -> Process {
    let got = || {
        let mut process = machine.start_run(&[]);
        match process.next_event() {
            Some(_) => Some(process),
            None => {
                let said = process.end();
                assert_eq!(said.code, 9, "{said:?}");
                assert!(said.err.contains(from) && said.err.contains("renewed"), "{said:?}");
                None
            }
        }
    };
    until("the plan is taken over", got)
}

fn frozen(shelf: Shelf, wakes_late: bool) {
    let world = World::of(&slow(), shelf);
    let (one, two) = (world.machine("frozen"), world.machine("second"));
    let run = one.start(RUN);
    world.until_in_the_middle();
    run.signal("-STOP");
    let mut second = takes_over(&two, "ada@frozen");
    let seen = if wakes_late {
        second.until("waits for");
        world.machine("desk").does(&["approve", "moving.yaml"]);
        assert_eq!(second.end().code, 0);
        let seen = (world.shelf.all(), world.records("new"));
        run.signal("-CONT");
        Some(seen)
    } else {
        run.signal("-CONT");
        world.machine("desk").does(&["approve", "moving.yaml", "--stage", "canary", "--step", "1"]);
        let said = second.end();
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        None
    };
    let said = run.end();
    assert_eq!(said.code, 9, "{}\n{}", said.out, said.err);
    assert!(said.err.contains("no longer holds its plan"), "{}", said.err);
    if let Some(seen) = seen {
        let (before, records) = seen;
        let changed =
            world.shelf.all().into_iter().filter(|(key, bytes)| before.get(key) != Some(bytes));
        assert_eq!(changed.map(|(key, _)| key).collect::<Vec<_>>(), [""; 0], "the first one wrote");
        assert_eq!(world.records("new"), records);
    }
    world.assert_moved(240);
    // The chain of segments is whole, and nothing is in it twice.
    let kinds = world.shelf.kinds();
    for once in ["run_started", "run_finished"] {
        assert_eq!(kinds.iter().filter(|kind| *kind == once).count(), 1, "{kinds:?}");
    }
}

#[test]
fn a_frozen_process_finds_itself_fenced_while_another_copies() {
    frozen(Shelf::s3("frozen"), false);
}

#[test]
fn a_frozen_process_finds_itself_fenced_when_another_has_ended_the_run() {
    frozen(Shelf::azure("frozen"), true);
}

#[test]
fn of_two_processes_exactly_one_gets_the_plan() {
    let world = World::new(Shelf::s3("two"));
    let (one, two) = (job(world.machine("one"), "7"), job(world.machine("two"), "8"));
    let mut both = [("one", 7, one.start(RUN)), ("two", 8, two.start(RUN))];
    until("one of them ends", || both.iter_mut().any(|(.., run)| run.has_ended()).then_some(()));
    let [one, two] = &mut both;
    if one.2.is_running() {
        std::mem::swap(one, two);
    }
    let [(_, _, lost), (host, number, mut won)] = both;
    let said = lost.end();
    assert_eq!(said.code, 9, "{said:?}");
    let holder = format!("ada@{host}");
    let page = format!("https://github.example/acme/vectors/actions/runs/{number}");
    for part in [&*holder, &*page, "another run holds this plan", "renewed", "what to do"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    won.until("waits for");
    world.machine("desk").does(&["approve", "moving.yaml"]);
    assert_eq!(won.end().code, 0);
}

#[test]
fn unlock_stops_who_is_at_work_and_another_goes_on() {
    let mut world = World::of(&slow(), Shelf::azure("unlock"));
    // Longer than the test: only `unlock` frees the plan.
    world.lease = "2m";
    let (one, two) = (world.machine("one"), world.machine("two"));
    let run = one.start(RUN);
    world.until_in_the_middle();
    let shown = two.json(&["lock", "show"]);
    let id = shown["locks"][0]["lock"]["id"].as_str().unwrap().to_owned();
    let watch = Stopwatch::start();
    assert!(two.does(&["unlock", &id]).contains("Unlocked moving"));
    let said = run.end();
    assert_eq!(said.code, 9, "{}\n{}", said.out, said.err);
    assert!(said.err.contains("its lock was removed"), "{}", said.err);
    world.go_on();
    assert!(watch.elapsed() < DEADLINE);
    world.assert_moved(240);
}
