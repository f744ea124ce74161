//! Buckets that are not as they should be, and what is said of them.

use crate::cli_rig::Said;
use crate::machines::{Machine, RUN, Shelf, World};
use crate::proxy::{Asked, Fate};

/// Checks what somebody reads: what it is, where, and what to do.
fn assert_says(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}\n{}", said.out, said.err);
    for part in parts.iter().chain(&["what to do: "]) {
        assert!(said.err.contains(part), "`{part}` is not in:\n{}", said.err);
    }
}

/// A run that stopped after its audit.
fn begun(world: &World) -> Machine {
    let machine = world.machine("runner");
    let said = machine.run(&["run", "moving.yaml", "--until", "audit"]);
    assert_eq!(said.code, 5, "{}\n{}", said.out, said.err);
    machine
}

type Which = fn(&Asked) -> bool;

#[test]
fn a_right_that_is_missing_is_named_with_the_least_policy() {
    let world = World::new(Shelf::s3("rights"));
    let cases: [(Which, &[&str]); 3] = [
        (Asked::is_write, &["not allowed to put", "`s3:PutObject`"]),
        (Asked::is_read, &["not allowed to get", "`s3:GetObject`"]),
        (Asked::is_list, &["not allowed to list", "`s3:ListBucket`"]),
    ];
    for (which, parts) in cases {
        let proxy = world.shelf.proxy();
        proxy.rule(move |asked| match which(asked) {
            true => Fate::Refuse(403, "AccessDenied", "Access Denied"),
            false => Fate::Pass,
        });
        let machine = world.machine_at("runner", &world.shelf.through(&proxy));
        let more = ["`shelf`", "arn:aws:s3:::shelf", "AccessDenied: Access Denied"];
        for command in [RUN, &["state", "probe"]] {
            assert_says(&machine.run(command), 3, &[parts, &more].concat());
        }
    }
    assert_eq!(world.records("new"), None, "something was done");
}

#[test]
fn a_bucket_that_demands_encryption_gets_it_from_the_settings() {
    let world = World::new(Shelf::s3("encrypted"));
    let proxy = world.shelf.proxy();
    proxy.rule(|asked| match asked.is_write() && !asked.headers.contains_key("x-amz-server-side-encryption") {
        true => Fate::Refuse(
            403,
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::shelf\" with an explicit deny in a resource-based policy",
        ),
        false => Fate::Pass,
    });
    let through = world.shelf.through(&proxy);
    let said = world.machine_at("runner", &through).run(RUN);
    assert_says(&said, 3, &["explicit deny", "`AWS_SERVER_SIDE_ENCRYPTION`"]);
    let machine =
        world.machine_at("runner", &through).with(&[("AWS_SERVER_SIDE_ENCRYPTION", "AES256")]);
    let said = machine.run(&["run", "moving.yaml", "--until", "audit"]);
    assert_eq!(said.code, 5, "{}\n{}", said.out, said.err);
}

#[test]
fn a_bucket_in_another_region_is_named() {
    let world = World::new(Shelf::s3("region"));
    let proxy = world.shelf.proxy();
    proxy.rule(|_| Fate::Refuse(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint."));
    let said = world.machine_at("runner", &world.shelf.through(&proxy)).run(RUN);
    assert_says(&said, 8, &["another region", "AWS_REGION"]);
}

#[test]
fn a_store_that_ignores_conditions_is_refused_by_name() {
    let world = World::new(Shelf::s3("ignores"));
    let proxy = world.shelf.proxy();
    proxy.rule(|_| Fate::Without("if-"));
    let machine = world.machine_at("runner", &world.shelf.through(&proxy));
    for command in [RUN, &["state", "probe"]] {
        assert_says(&machine.run(command), 3, &["s3://shelf/ignores"]);
    }
    assert_eq!(world.records("new"), None, "something was done");
    assert!(!world.shelf.all().contains_key("moving/hot/head.json"));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let world = World::new(Shelf::s3("strangers"));
    let objects = world.shelf.objects();
    crate::machines::wait(objects.create("moving/terraform.tfstate", "{}".into())).unwrap();
    let before = world.shelf.all();
    for command in [RUN, &["status", "moving.yaml"], &["plan", "moving.yaml"]] {
        let said = world.machine("runner").run(command);
        assert_says(&said, 8, &["moving/terraform.tfstate", "nothing of vecshift's", "--state"]);
    }
    assert_eq!(world.shelf.all(), before);
}

#[test]
fn a_journal_that_was_edited_or_lost_a_segment_is_not_gone_on_with() {
    let world = World::new(Shelf::s3("edited"));
    begun(&world);
    let key = world.shelf.segment(2);
    let proxy = world.shelf.proxy();
    let lost = key.clone();
    proxy.rule(move |asked| match asked.key.ends_with(&lost) || asked.key.contains("/pack/") {
        true => Fate::Refuse(404, "NoSuchKey", "The specified key does not exist."),
        false => Fate::Pass,
    });
    let without = world.machine_at("runner", &world.shelf.through(&proxy));
    for command in [RUN, &["status", "moving.yaml"], &["report", "moving.yaml"]] {
        assert_says(&without.run(command), 8, &[&key]);
    }

    // What is in a pack needs no segment.
    proxy.rule(|asked| match asked.key.contains("/pack/") {
        true => Fate::Refuse(404, "NoSuchKey", "The specified key does not exist."),
        false => Fate::Pass,
    });
    world.shelf.spoil(&key, "\"at\":\"20", "\"at\":\"19");
    for command in [RUN, &["status", "moving.yaml"], &["report", "moving.yaml"]] {
        let said = without.run(command);
        assert_says(&said, 8, &["/log/"]);
    }
    assert_eq!(world.records("new"), None, "something was done");
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let world = World::new(Shelf::s3("newer"));
    let machine = begun(&world);
    world.shelf.spoil("moving/hot/head.json", "\"v\":1", "\"v\":2");
    for command in [RUN, &["status", "moving.yaml"], &["report", "moving.yaml"]] {
        assert_says(
            &machine.run(command),
            8,
            &["`moving/hot/head.json` has format 2", "use the vecshift that wrote it"],
        );
    }
}

#[test]
fn a_shared_folder_that_is_not_there_is_named() {
    let world = World::new(Shelf::usual());
    let nowhere = world.machine("runner").path("nowhere");
    let uri = format!("file://{}", nowhere.display());
    let said = world.machine("runner").run(&[RUN, &["--state", &uri]].concat());
    assert_says(&said, 3, &[&nowhere.display().to_string()]);
    assert!(!nowhere.exists());
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let world = World::new(Shelf::s3("nowhere"));
    for shelf in [Shelf::s3("x"), Shelf::azure("x")] {
        let uri = shelf.uri.replace("shelf/x", "no-such-shelf/x");
        let machine = world.machine_at("runner", &Shelf { uri, ..shelf });
        assert_says(&machine.run(RUN), 3, &["no-such-shelf"]);
    }
}

#[test]
fn a_clock_that_is_a_day_off_is_refused_by_the_store_and_named() {
    let world = World::new(Shelf::s3("clock"));
    let proxy = world.shelf.proxy();
    let message = "The difference between the request time and the current time is too large.";
    proxy.rule(move |_| Fate::Refuse(403, "RequestTimeTooSkewed", message));
    let said = world.machine_at("runner", &world.shelf.through(&proxy)).run(RUN);
    assert_says(&said, 3, &["another time", "clock of this machine"]);
}
