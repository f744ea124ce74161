//! Requests from machines that do not run the plan.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::machines::{Process, RUN, Shelf, World};
use crate::proxy::{Asked, Fate, Proxy};

/// A token as a CI gives its jobs; nobody verifies the signature.
fn token() -> String {
    let claims = r#"{"iss":"https://token.actions.githubusercontent.com","sub":"repo:acme/vectors:environment:migration-approval","repository":"acme/vectors","environment":"migration-approval","actor":"grace"}"#;
    [r#"{"alg":"RS256"}"#, claims, "signature"].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn only_inbox(asked: &Asked) -> Fate {
    let may = asked.is_write() && asked.key.contains("/hot/inbox/");
    if may { Fate::Pass } else { Fate::Refuse(403, "AccessDenied", "Access Denied") }
}

fn waiting(world: &World) -> Process {
    let mut run = world.machine("runner").start(RUN);
    run.until("waits for");
    run
}

#[test]
fn a_second_machine_pauses_resumes_and_approves() {
    let world = World::new(Shelf::azure("asked"));
    let mut run = waiting(&world);
    let desk = world.machine("desk");
    let said = desk.does(&["pause", "moving.yaml", "--by", "grace"]);
    assert!(said.contains("ada@runner") && said.contains("within seconds"), "{said}");
    run.until("paused");
    assert!(desk.does(&["status", "moving.yaml"]).contains("pause"));
    desk.does(&["resume", "moving.yaml", "--by", "grace"]);
    run.until("resumed");
    desk.does(&["approve", "moving.yaml", "--by", "grace"]);
    let said = run.end();
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert!(desk.does(&["report", "moving.yaml"]).contains("approved by grace"));
    let late = desk.run(&["abort", "moving.yaml"]);
    assert_eq!(late.code, 8, "{late:?}");
}

#[test]
fn a_second_machine_aborts() {
    let world = World::new(Shelf::s3("aborted"));
    let run = waiting(&world);
    world.machine("desk").does(&["abort", "moving.yaml"]);
    let said = run.end();
    assert_eq!(said.code, 6, "{}\n{}", said.out, said.err);
    assert_eq!(world.traffic(), "INDEX=old\n");
}

#[test]
fn the_right_to_write_to_the_inbox_is_enough_to_ask() {
    let world = World::new(Shelf::s3("inbox"));
    let mut run = waiting(&world);
    let proxy: Proxy = world.shelf.proxy();
    proxy.rule(only_inbox);
    let token = token();
    let through = world.shelf.through(&proxy);
    let approver = world.machine_at("approver", &through).with(&[("VECSHIFT_ID_TOKEN", &token)]);
    for (request, seen) in [("pause", "paused"), ("resume", "resumed")] {
        let said = approver.does(&[request, "moving.yaml"]);
        assert!(said.contains("cannot be read from here"), "{said}");
        run.until(seen);
    }

    let unnamed = approver.run(&["approve", "moving.yaml"]);
    assert_eq!(unnamed.code, 3, "{unnamed:?}");
    assert!(unnamed.err.contains("--stage STAGE, and --step N"), "{unnamed:?}");
    let wrong = approver.run(&["approve", "moving.yaml", "--stage", "canary", "--step", "2"]);
    assert_eq!(wrong.code, 8, "{wrong:?}");
    assert!(wrong.err.contains("only of canary step 1"), "{wrong:?}");

    approver.does(&["approve", "moving.yaml", "--stage", "canary", "--step", "1"]);
    let said = run.end();
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let written = proxy.asked();
    let others = written.iter().filter(|asked| asked.is_write()).map(|asked| &*asked.key);
    let others: Vec<_> = others.filter(|key| !key.contains("/hot/inbox/")).collect();
    assert!(others.is_empty(), "{others:?}");
    let desk = world.machine("desk");
    let report = desk.does(&["report", "moving.yaml"]);
    assert!(report.contains("repo:acme/vectors:environment:migration-approval"), "{report}");
    let report = desk.does(&["report", "moving.yaml", "--format", "json"]);
    for claim in [r#""actor": "grace""#, r#""environment": "migration-approval""#] {
        assert!(report.contains(claim), "{claim}: {report}");
    }
}

#[test]
fn the_right_to_write_to_the_inbox_is_enough_to_abort() {
    let world = World::new(Shelf::s3("inbox-abort"));
    let run = waiting(&world);
    let proxy = world.shelf.proxy();
    proxy.rule(only_inbox);
    world.machine_at("approver", &world.shelf.through(&proxy)).does(&["abort", "moving.yaml"]);
    assert_eq!(run.end().code, 6);
}
