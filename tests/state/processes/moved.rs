//! A run that moves from a folder into a bucket.

use crate::machines::{RECORDS, Shelf, World};

#[test]
fn a_run_in_a_folder_is_pushed_into_a_bucket_and_goes_on_there() {
    let world = World::new(Shelf::s3("moved"));
    let desk = world.machine_at("desk", &Shelf::usual());
    let said = desk.run(&["run", "moving.yaml", "--until", "copy"]);
    assert_eq!(said.code, 5, "{}\n{}", said.out, said.err);
    let journal = desk.does(&["state", "pull", "moving"]);
    std::fs::write(desk.path("moving.jsonl"), &journal).unwrap();

    let uri = &*world.shelf.uri;
    let variables: Vec<_> = world.shelf.variables.iter().map(|(n, v)| (&**n, &**v)).collect();
    let desk = desk.with(&variables);
    let push = ["state", "push", "moving", "moving.jsonl", "--state", uri];
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
