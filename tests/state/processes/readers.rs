//! Commands that only read, with rights to read alone.

use crate::machines::{RUN, Shelf, World};
use crate::proxy::{Asked, Fate};

fn read_only(asked: &Asked) -> Fate {
    if asked.is_write() { Fate::Refuse(403, "AccessDenied", "Access Denied") } else { Fate::Pass }
}

const COMMANDS: [&[&str]; 10] = [
    &["status"],
    &["status", "moving.yaml"],
    &["report", "moving.yaml"],
    &["plan", "moving.yaml"],
    &["audit", "moving.yaml"],
    &["artifacts", "ls", "moving.yaml"],
    &["artifacts", "get", "moving.yaml", "--to", "fetched"],
    &["state", "ls"],
    &["state", "pull", "moving"],
    &["lock", "show", "moving.yaml"],
];

#[test]
fn who_only_reads_needs_no_lock_and_no_right_to_write() {
    let world = World::new(Shelf::s3("readers"));
    let proxy = world.shelf.proxy();
    proxy.rule(read_only);
    let through = world.shelf.through(&proxy);
    let reader = world.machine_at("reader", &through);
    // Nothing is there yet: nothing is made either.
    assert!(reader.does(&["status"]).contains("No runs in s3://shelf/readers"));
    assert!(reader.does(&["plan", "moving.yaml"]).contains("Plan: "));

    let mut run = world.machine("runner").start(RUN);
    run.until("waits for");
    for command in COMMANDS {
        world.machine_at("reader", &through).does(command);
    }
    let held = reader.json(&["status", "moving.yaml"]);
    assert_eq!(held["runs"][0]["process"]["holder"]["host"], "runner", "{held}");
    world.machine("desk").does(&["approve", "moving.yaml"]);
    assert_eq!(run.end().code, 0);
    for command in COMMANDS {
        let read = ["audit"].iter().all(|of_source| command[0] != *of_source);
        // The source is gone.
        if read {
            world.machine_at("reader", &through).does(command);
        }
    }
    let writes: Vec<_> = proxy.asked().into_iter().filter(Asked::is_write).collect();
    assert!(writes.is_empty(), "{writes:?}");

    // The same journal, event for event.
    let pulled = reader.does(&["state", "pull", "moving"]);
    assert_eq!(pulled.lines().count(), world.shelf.kinds().len());
}

/// A role that may list nothing but what is below one plan.
fn of_one_plan(asked: &Asked) -> Fate {
    if asked.is_list() && !asked.query.contains("moving") {
        return Fate::Refuse(403, "AccessDenied", "Access Denied");
    }
    read_only(asked)
}

#[test]
fn who_may_list_one_plan_alone_is_shown_that_plan() {
    let world = World::new(Shelf::s3("narrow"));
    world.machine("runner").run(&["run", "moving.yaml", "--until", "audit"]);
    let proxy = world.shelf.proxy();
    proxy.rule(of_one_plan);
    let reader = world.machine_at("reader", &world.shelf.through(&proxy));
    let report = reader.json(&["report", "moving.yaml"]);
    assert_eq!(report["report"]["plan"], "moving", "{report}");
    let run = report["report"]["run"].as_str().unwrap();
    for arguments in [
        &["report", "moving"][..],
        &["report", "moving.yaml", "--format", "md"],
        &["status", "moving"],
        &["artifacts", "ls", "moving"],
        &["lock", "show", "moving"],
    ] {
        reader.does(arguments);
    }
    // What needs a look at all plans says so, and shows none.
    for arguments in [&["report"][..], &["status"], &["state", "ls"], &["lock", "show"]] {
        let said = reader.run(arguments);
        assert!(said.code == 3 && said.err.contains("not allowed to list"), "{said:?}");
        assert_eq!(said.out, "", "{said:?}");
    }
    // Whose run it is cannot be known without that look.
    let by_run = reader.run(&["report", run]);
    assert_eq!(by_run.code, 3, "{by_run:?}");

    // With no list at all a journal is read as far as its head leads, which is to its end.
    proxy.rule(|asked| match asked.is_list() {
        true => Fate::Refuse(403, "AccessDenied", "Access Denied"),
        false => read_only(asked),
    });
    assert_eq!(reader.json(&["report", "moving.yaml"]), report);
}

#[test]
fn a_status_of_a_prefix_shows_all_its_plans() {
    let shelf = Shelf::s3("plans");
    let one = World::new(shelf.clone());
    one.machine("one").run(&["run", "moving.yaml", "--until", "audit"]);
    let plan = crate::machines::PLAN.replace("name: moving", "name: other");
    World::of(&plan, shelf.clone()).machine("two").run(&[
        "run",
        "moving.yaml",
        "--until",
        "create",
    ]);
    // From a folder without a project.
    let desk = one.machine("desk");
    std::fs::remove_file(desk.path("vecshift.yaml")).unwrap();
    std::fs::remove_file(desk.path("moving.yaml")).unwrap();
    let shown = desk.json(&["status", "--state", &shelf.uri]);
    let plans: Vec<_> = shown["runs"].as_array().unwrap().iter().map(|run| &run["plan"]).collect();
    assert_eq!(plans, ["moving", "other"], "{shown}");
    let listed = desk.does(&["state", "ls", "--state", &shelf.uri]);
    assert!(listed.contains("moving") && listed.contains("other"), "{listed}");
}
