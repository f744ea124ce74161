//! A run that moves from a folder into a bucket.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::machines::{Machine, PLAN, RECORDS, Shelf, World};
use crate::proxy::Fate;

/// The arguments of a push to a shelf, and the variables that lead there.
fn to(machine: Machine, shelf: &Shelf) -> (Machine, [&str; 6]) {
    let variables: Vec<_> = shelf.variables.iter().map(|(n, v)| (&**n, &**v)).collect();
    let push = ["state", "push", "moving", "moving.jsonl", "--state", &*shelf.uri];
    (machine.with(&variables), push)
}

/// A run in a folder that stopped after its copy, and its journal.
fn copied(world: &World) -> (Machine, String) {
    let desk = world.machine_at("desk", &Shelf::usual());
    let said = desk.run(&["run", "moving.yaml", "--until", "copy"]);
    assert_eq!(said.code, 5, "{}\n{}", said.out, said.err);
    let journal = desk.does(&["state", "pull", "moving"]);
    std::fs::write(desk.path("moving.jsonl"), &journal).unwrap();
    (desk, journal)
}

#[test]
fn a_run_in_a_folder_is_pushed_into_a_bucket_and_goes_on_there() {
    let world = World::new(Shelf::s3("moved"));
    let (desk, journal) = copied(&world);
    let (desk, push) = to(desk, &world.shelf);
    let said = desk.does(&push);
    assert!(said.contains("s3://shelf/moved/moving"), "{said}");
    assert!(desk.does(&push).contains("all of them there before"));
    drop(desk);

    let other = world.machine("other");
    assert_eq!(other.does(&["state", "pull", "moving"]), journal);
    let seen = other.json(&["artifacts", "ls", "moving.yaml"]);
    let got = other.json(&["artifacts", "get", "moving.yaml", "--to", "fetched"]);
    assert_eq!(got["exit"]["code"], 0, "{got}");
    let count = |seen: &serde_json::Value, name: &str| seen[name].as_array().unwrap().len();
    assert!(count(&seen, "artifacts") > 0, "{seen}");
    assert_eq!(count(&seen, "artifacts"), count(&got, "files"), "{got}");
    // Where the plan was on the first machine is nowhere here.
    let shown = other.json(&["status", "moving"]);
    assert_eq!(shown["runs"][0]["next"]["command"], "vecshift run moving.yaml", "{shown}");
    world.go_on();
    world.assert_moved(RECORDS);
    let kinds = world.shelf.kinds();
    assert_eq!(kinds.iter().filter(|kind| *kind == "run_started").count(), 1, "{kinds:?}");
}

/// It is cut off at each of its first writes. Nobody sees a run until it has come to its end.
#[test]
fn a_push_that_is_cut_off_shows_nothing_and_is_repeated() {
    let world = World::new(Shelf::s3("cut"));
    let proxy = world.shelf.proxy();
    let (desk, journal) = copied(&world);
    let through = world.shelf.through(&proxy);
    let (desk, push) = to(desk, &through);
    let other = world.machine("other");
    let mut cut = 0;
    for passes in (0..).step_by(2) {
        let count = AtomicUsize::new(0);
        proxy.rule(move |asked| {
            match asked.is_write() && count.fetch_add(1, Ordering::SeqCst) >= passes {
                true => Fate::Refuse(403, "AccessDenied", "Access Denied"),
                false => Fate::Pass,
            }
        });
        let said = desk.run(&push);
        if said.code == 0 {
            assert!(!said.out.contains("there before"), "{}", said.out);
            break;
        }
        cut += 1;
        assert_eq!(said.code, 3, "{said:?}");
        let seen = other.run(&["status", "moving.yaml"]);
        assert!(seen.code == 3 && seen.err.contains("there is no run of `moving`"), "{seen:?}");
    }
    assert!(cut > 2, "{cut}");
    assert_eq!(other.does(&["state", "pull", "moving"]), journal);
    world.go_on();
    world.assert_moved(RECORDS);
}

#[test]
fn what_a_run_wrote_outside_of_its_folder_is_pushed_or_named() {
    let outside = tempfile::tempdir().unwrap();
    let sample = outside.path().join("sample.parquet");
    let plan = PLAN.replace("sample.parquet", &sample.display().to_string());
    let world = World::of(&plan, Shelf::s3("outside"));
    let (desk, _) = copied(&world);
    let (desk, push) = to(desk, &world.shelf);
    let said = desk.does(&push);
    assert!(!said.contains("Not pushed"), "{said}");
    let written = std::fs::read(&sample).unwrap();
    std::fs::remove_file(&sample).unwrap();
    let other = world.machine("other");
    other.does(&["artifacts", "get", "moving.yaml", "sample", "--to", "fetched"]);
    assert_eq!(std::fs::read(other.path("fetched/sample.parquet")).unwrap(), written);
    // Elsewhere, it is not there any more.
    let elsewhere = Shelf::s3("elsewhere");
    let (desk, push) = to(desk, &elsewhere);
    let said = desk.does(&push);
    assert!(said.contains("Not pushed") && said.contains(&*sample.to_string_lossy()), "{said}");
    let said = desk.json(&push);
    assert_eq!(said["there_before"], said["events"], "{said}");
}
