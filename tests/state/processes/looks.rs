//! What it costs to look whether a bake is over.

use crate::machines::{PLAN, RUN, Shelf, World};

const HOURS_OF_A_WEEK: usize = 7 * 24;

#[test]
fn a_week_of_hourly_looks_stays_under_2_000_requests() {
    let direct = Shelf::s3("looks");
    let proxy = direct.proxy();
    let plan = PLAN.replace("bake: 1s, approve: manual", "bake: 7d");
    let mut world = World::of(&plan, direct.through(&proxy));
    // The usual one, which a look does not outlast.
    world.lease = "90s";
    let look = || world.machine("job").json(&[RUN, &["--no-wait"]].concat());
    let first = look();
    assert_eq!(first["exit"]["code"], 5, "{first}");
    proxy.asked();
    const LOOKS: usize = 3;
    for _ in 0..LOOKS {
        let answer = look();
        assert_eq!(answer["exit"]["code"], 5, "{answer}");
        // It looks, and does not begin anew.
        assert_eq!(answer["next_at"], first["next_at"], "{answer}");
    }
    let asked = proxy.asked();
    let shown = asked.iter().map(|one| format!("{} {}{}", one.method, one.key, one.query));
    let shown: Vec<_> = shown.collect();
    assert!(asked.len() * HOURS_OF_A_WEEK < 2_000 * LOOKS, "{} requests: {shown:#?}", asked.len());
}

#[test]
fn who_waits_says_when_to_come_back() {
    let world =
        World::of(&PLAN.replace("bake: 1s, approve: manual", "bake: 1h"), Shelf::s3("next-at"));
    let machine = world.machine("job").with(&[("GITHUB_ACTIONS", "true")]);
    let output = machine.path("output.txt");
    let output = output.to_str().unwrap().to_owned();
    let machine = machine.with(&[("GITHUB_OUTPUT", &output)]);
    let answer = machine.json(&[RUN, &["--no-wait"]].concat());
    assert_eq!(answer["exit"]["code"], 5, "{answer}");
    let at = answer["next_at"].as_str().unwrap_or_else(|| panic!("{answer:#}"));
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    let outputs = std::fs::read_to_string(&output).unwrap();
    assert!(outputs.contains(&format!("next-at={at}\n")), "{outputs}");
    assert!(outputs.contains("exit-code=5\n"), "{outputs}");
    assert_eq!(world.machine("desk").json(&["status", "moving.yaml"])["runs"][0]["next_at"], at);
}
