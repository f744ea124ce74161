//! The flagd driver, against files and against flagd's own way of bucketing.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use vecshift::ErrorKind;
use vecshift::clock::{Clock, Timestamp};
use vecshift::model::Share;
use vecshift::plan::file::{Flagd, Traffic};
use vecshift::traffic::{Driver, DriverContext, Seen, Shift, open, shift};

fn driver_of(folder: &Path, plan: &str) -> Box<dyn Driver> {
    let flagd = Flagd {
        file: "flags.json".into(),
        flag: "use-serverless".into(),
        bucket_by: Some("creator_id".into()),
    };
    let context =
        DriverContext { plan: plan.into(), base: folder.to_owned(), ..DriverContext::default() };
    open(&Traffic::Flagd(flagd), context).unwrap()
}

fn read(folder: &TempDir) -> Value {
    let text = std::fs::read_to_string(folder.path().join("flags.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn write(folder: &TempDir, flags: &Value) {
    std::fs::write(folder.path().join("flags.json"), flags.to_string()).unwrap();
}

/// MurmurHash3, 32 bits, x86, seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let word = |part: &[u8]| part.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let mut hash = 0_u32;
    let chunks = bytes.chunks_exact(4);
    let tail = chunks.remainder();
    for chunk in chunks {
        hash ^= scramble(word(chunk));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= scramble(word(tail));
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// Returns the variant that flagd gives somebody: the hash as a signed number, made a percentage, against the running
/// sum.
fn variant(flags: &Value, creator: &str) -> String {
    let guarded = flags["flags"]["use-serverless"]["targeting"]["if"].as_array().unwrap();
    assert_eq!(guarded[0]["var"], "creator_id");
    let rule = guarded[1]["fractional"].as_array().unwrap();
    assert_eq!(rule[0]["cat"][1]["var"], "creator_id");
    let bucketing = format!("{}{creator}", rule[0]["cat"][0].as_str().unwrap());
    let ratio =
        f64::from((murmur3(bucketing.as_bytes()) as i32).unsigned_abs()) / f64::from(i32::MAX);
    let whole: u64 = rule[1..].iter().map(|entry| entry[1].as_u64().unwrap()).sum();
    let mut end = 0.0;
    for entry in &rule[1..] {
        end += entry[1].as_u64().unwrap() as f64 * 100.0 / whole as f64;
        if ratio * 100.0 < end {
            return entry[0].as_str().unwrap().to_owned();
        }
    }
    flags["flags"]["use-serverless"]["defaultVariant"].as_str().unwrap().to_owned()
}

fn chosen(flags: &Value) -> Vec<bool> {
    (0..5000).map(|creator| variant(flags, &format!("creator-{creator}")) == "target").collect()
}

#[test]
fn the_hash_of_these_tests_is_murmur3() {
    let known = [("", 0), ("test", 0xba6b_d213), ("Hello, world!", 0xc036_3e43)];
    for (text, hash) in known {
        assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
    }
}

#[tokio::test]
async fn every_weight_is_read_back() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(folder.path(), "twin");
    assert!(matches!(driver.read().await.unwrap(), Seen::Unset(_)));
    for percent in [0.0, 5.0, 25.0, 0.25, 33.0, 100.0, 0.0] {
        let weight = Share(percent / 100.0);
        let shifted = shift(&*driver, weight, &Clock::test(Timestamp::UNIX_EPOCH)).await.unwrap();
        assert!(matches!(shifted, Shift::Set { despite: None, .. }), "{shifted:?}");
        let read = driver.read().await.unwrap().share().unwrap();
        assert!((read.0 - weight.0).abs() < 1e-9, "{percent}");
    }
    let finer = driver.set(Share(0.000_013)).await.unwrap_err();
    assert_eq!(finer.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn each_weight_holds_those_before_it_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let mut before = vec![false; 5000];
    for percent in [0_u32, 5, 25, 50, 100] {
        let driver = driver_of(folder.path(), "twin");
        driver.set(Share(f64::from(percent) / 100.0)).await.unwrap();
        let now = chosen(&read(&folder));
        let share = now.iter().filter(|is_in| **is_in).count() as f64 / now.len() as f64;
        assert!((share - f64::from(percent) / 100.0).abs() < 0.02, "{percent} % gave {share}");
        let is_nested = before.iter().zip(&now).all(|(before, now)| *now || !*before);
        assert!(is_nested, "somebody went back when the weight rose to {percent} %");
        before = now;
    }
    assert!(before.iter().all(|is_in| *is_in));
}

#[tokio::test]
async fn two_plans_do_not_choose_the_same_people() {
    let folder = TempDir::new().unwrap();
    driver_of(folder.path(), "one").set(Share(0.25)).await.unwrap();
    let one = chosen(&read(&folder));
    driver_of(folder.path(), "two").set(Share(0.25)).await.unwrap();
    let two = chosen(&read(&folder));
    let both = one.iter().zip(&two).filter(|(one, two)| **one && **two).count();
    assert!((150..500).contains(&both), "of 1250 each, {both} are the same");
    let other = driver_of(folder.path(), "one").read().await.unwrap();
    assert_eq!(other, Seen::Foreign("the flag is not bucketed by this plan".into()));
}

#[tokio::test]
async fn everything_else_in_the_file_stays() {
    let folder = TempDir::new().unwrap();
    let before = json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "zeta": [1, 2.5, null],
        "flags": {
            "other": {
                "state": "DISABLED", "variants": { "a": 1 }, "defaultVariant": "a",
                "targeting": { "if": [{ "in": ["x", { "var": "y" }] }, "a"] },
            },
            "use-serverless": {
                "variants": { "on": true, "off": false }, "defaultVariant": "off",
                "state": "DISABLED", "metadata": { "owner": "search" },
            },
        },
        "$evaluators": { "e": { "==": [1, 1] } },
    });
    write(&folder, &before);
    driver_of(folder.path(), "twin").set(Share(0.05)).await.unwrap();
    let after = read(&folder);
    let flag = &after["flags"]["use-serverless"];
    let rule = &flag["targeting"]["if"];
    assert_eq!(rule[0], json!({ "var": "creator_id" }));
    assert_eq!(rule[1]["fractional"][1], json!(["on", 5]));
    assert_eq!(rule[1]["fractional"][2], json!(["off", 95]));
    assert_eq!(rule[2], "off", "whoever has no key stays");
    assert_eq!((&flag["state"], &flag["defaultVariant"]), (&json!("ENABLED"), &json!("off")));
    assert_eq!(flag["metadata"], json!({ "owner": "search" }));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(&before));
    for untouched in ["zeta", "$evaluators"] {
        assert_eq!(after[untouched], before[untouched]);
    }
    assert_eq!(after["flags"]["other"], before["flags"]["other"]);
}

#[tokio::test]
async fn what_would_be_lost_is_refused() {
    let folder = TempDir::new().unwrap();
    let flag = |targeting: Value| {
        json!({ "flags": { "use-serverless": {
            "state": "ENABLED", "variants": { "target": "new", "source": "old" },
            "defaultVariant": "source", "targeting": targeting,
        } } })
    };
    let own = json!({ "if": [{ "ends_with": [{ "var": "email" }, "@example.com"] }, "target"] });
    let three = json!({ "fractional": [["target", 1], ["source", 1], ["other", 1]] });
    let two = json!([{ "cat": ["twin", { "var": "creator_id" }] }, ["target", 5], ["source", 95]]);
    let condition = json!({ "ends_with": [{ "var": "email" }, "@example.com"] });
    let guarded = json!({ "if": [condition, { "fractional": two }, "source"] });
    for targeting in [own, three, guarded] {
        let before = flag(targeting);
        write(&folder, &before);
        assert_eq!(driver_of(folder.path(), "twin").check().await.len(), 1, "found by looking");
        let seen = driver_of(folder.path(), "twin").read().await.unwrap();
        assert!(matches!(seen, Seen::Foreign(_)), "{seen:?}");
        let error = driver_of(folder.path(), "twin").set(Share(0.05)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(read(&folder), before);
    }
    write(&folder, &json!([]));
    assert!(driver_of(folder.path(), "twin").set(Share(0.05)).await.is_err());
    assert_eq!(read(&folder), json!([]));
}

/// Reads a flag at 5 % before and after `change` was made to it by hand.
async fn seen_after(change: impl Fn(&mut Value)) -> (Seen, Seen) {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(folder.path(), "twin");
    driver.set(Share(0.05)).await.unwrap();
    let before = driver.read().await.unwrap();
    let mut flags = read(&folder);
    change(&mut flags["flags"]["use-serverless"]);
    write(&folder, &flags);
    (before, driver.read().await.unwrap())
}

#[tokio::test]
async fn a_weight_that_somebody_changed_is_seen() {
    let (_, seen) = seen_after(|flag| {
        flag["targeting"]["if"][1]["fractional"][1][1] = 35.into();
        flag["targeting"]["if"][1]["fractional"][2][1] = 65.into();
    })
    .await;
    assert_eq!(seen.share(), Some(Share(0.35)));
    let (_, seen) = seen_after(|flag| flag["state"] = "DISABLED".into()).await;
    assert_eq!(seen, Seen::Unset("the flag is disabled".into()));
    let (_, seen) = seen_after(|flag| flag["targeting"] = json!({})).await;
    assert_eq!(seen.share(), Some(Share(0.0)), "the default is the source's");
    let (_, seen) = seen_after(|flag| {
        flag["targeting"] = json!({});
        flag["defaultVariant"] = "target".into();
    })
    .await;
    assert_eq!(seen.share(), Some(Share(1.0)), "everybody gets the default");
}

#[tokio::test]
async fn whatever_else_moves_traffic_is_no_weight() {
    let swapped = |flag: &mut Value| {
        flag["targeting"]["if"][1]["fractional"].as_array_mut().unwrap().swap(1, 2)
    };
    let (_, seen) = seen_after(swapped).await;
    assert!(matches!(seen, Seen::Foreign(_)), "{seen:?}");
    let changes: [fn(&mut Value); 6] = [
        |flag| flag["defaultVariant"] = "target".into(),
        |flag| flag["targeting"]["if"][2] = "target".into(),
        |flag| flag["targeting"]["if"][0] = json!({ "var": "email" }),
        |flag| flag["targeting"]["if"][1]["fractional"][0]["cat"][0] = "salt".into(),
        |flag| flag["targeting"]["if"][1]["fractional"][0]["cat"][1] = json!({ "var": "email" }),
        |flag| flag["variants"] = json!({ "a": 1 }),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (_, seen) = seen_after(change).await;
        assert!(matches!(seen, Seen::Foreign(_)), "{number}: {seen:?}");
    }
}

#[tokio::test]
async fn what_the_variants_stand_for_is_part_of_what_is_read() {
    let (before, seen) =
        seen_after(|flag| flag["variants"] = json!({ "target": false, "source": true })).await;
    assert_eq!(seen.share(), before.share());
    assert_ne!(seen, before);
    let (before, seen) =
        seen_after(|flag| flag["variants"] = json!({ "source": false, "target": true })).await;
    assert_eq!(seen, before, "the order of keys means nothing");
}

/// Covers files written by versions before the guard.
#[tokio::test]
async fn a_file_without_the_guard_is_still_read_and_set() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(folder.path(), "twin");
    for (weight, default) in [(25, "source"), (100, "target")] {
        driver.set(Share(f64::from(weight) / 100.0)).await.unwrap();
        let mut flags = read(&folder);
        let flag = &mut flags["flags"]["use-serverless"];
        flag["targeting"] = flag["targeting"]["if"][1].take();
        assert_eq!(flag["targeting"]["fractional"][1], json!(["target", weight]));
        assert_eq!(flag["defaultVariant"], default);
        write(&folder, &flags);
        assert_eq!(driver.read().await.unwrap().share(), Some(Share(f64::from(weight) / 100.0)));
        assert!(driver.check().await.is_empty());
        driver.set(Share(f64::from(weight) / 100.0)).await.unwrap();
        assert!(read(&folder)["flags"]["use-serverless"]["targeting"]["if"].is_array());
    }
}

#[tokio::test]
async fn no_reader_ever_sees_half_a_file() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(folder.path(), "twin");
    driver.set(Share(0.0)).await.unwrap();
    let path = folder.path().join("flags.json");
    let writer = tokio::spawn(async move {
        for percent in 1..=100_u32 {
            driver.set(Share(f64::from(percent) / 100.0)).await.unwrap();
        }
    });
    while !writer.is_finished() {
        let text = tokio::fs::read_to_string(&path).await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
    }
    writer.await.unwrap();
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["flags.json"], "no temporary file is left");
}
