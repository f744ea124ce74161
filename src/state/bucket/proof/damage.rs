//! What is damaged, missing, foreign, forbidden or asleep.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::store::{Shelf, Store};
use super::{LEASE, PLAN, begun, bucket, entry, holder, home, noted, start, texts, written};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::journal::{Letter, Request};
use crate::state::{Backend, Bucket, Home};

const HEAD: &str = "twin/hot/head.json";

fn segment(number: u64) -> String {
    format!("twin/runs/A/log/{number:012}.jsonl")
}

/// Replaces a text in an object.
fn edit(shelf: &Shelf, key: &str, from: &str, to: &str) {
    let bytes = shelf.bytes(key).unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    shelf.set(key, Some(Bytes::from(text.replacen(from, to, 1))));
}

async fn refused(home: &dyn Home, kind: ErrorKind, says: &str) -> Error {
    for error in [
        home.entries().await.unwrap_err(),
        home.take(&holder("bob")).await.map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    // Who could not read the journal does not keep the plan.
    assert!(home.lock().await.is_ok_and(|lock| lock.is_none()) || says.contains("head"));
    home.entries().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn an_edited_segment_is_named() {
    for number in [1, 7, 39, 40] {
        let shelf = Shelf::new();
        let home = home(&shelf);
        written(&*home, "A", 40).await.unwrap();
        for key in shelf.keys().iter().filter(|key| key.contains("/pack/")) {
            shelf.set(key, None);
        }
        // The fence is the first one.
        edit(&shelf, &segment(number), "\"seq\":", "\"seq\": ");
        refused(&*home, ErrorKind::Conflict, &segment(number)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_segment_is_named() {
    for number in [1, 20, 39, 40] {
        let shelf = Shelf::new();
        let home = home(&shelf);
        written(&*home, "A", 40).await.unwrap();
        for key in shelf.keys().iter().filter(|key| key.contains("/pack/")) {
            shelf.set(key, None);
        }
        shelf.set(&segment(number), None);
        refused(&*home, ErrorKind::Conflict, &segment(number)).await;
    }
}

/// Behind what the head knows, too, as long as something is behind it.
#[tokio::test(start_paused = true)]
async fn a_segment_that_is_missing_behind_the_last_renewal_is_named() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let mut log = home.take(&holder("ada")).await.unwrap().log;
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    for seq in 1..5 {
        log.append(&[entry(seq, noted("x"))]).await.unwrap();
    }
    shelf.set(&segment(4), None);
    let error = home.entries().await.unwrap_err();
    assert!(error.message().contains(&segment(4)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_pack_is_not_believed_against_the_journal() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 300).await.unwrap();
    let expected = texts(&home.entries().await.unwrap());
    let packs: Vec<_> = shelf.keys().into_iter().filter(|key| key.contains("/pack/")).collect();
    let has = |kind: &str| packs.iter().any(|key| key.contains(kind));
    assert!(has("/pack/16/") && has("/pack/256/") && has("/pack/tail/"), "{packs:?}");
    for key in &packs {
        let kept = shelf.bytes(key);
        for (from, to) in
            [("\"text\":\"", "\"text\":\"_"), ("\n", " \n"), ("{\"segment\"", "{\"x\"")]
        {
            edit(&shelf, key, from, to);
            assert_eq!(texts(&home.entries().await.unwrap()), expected, "{key}");
            shelf.set(key, kept.clone());
        }
        let half = kept.as_ref().map(|kept| kept.slice(..kept.len() / 2));
        shelf.set(key, half);
        assert_eq!(texts(&home.entries().await.unwrap()), expected, "{key}");
        shelf.set(key, None);
        assert_eq!(texts(&home.entries().await.unwrap()), expected, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_newer_version_wrote_is_refused() {
    for (key, from, to) in [
        (HEAD, "\"v\":1", "\"v\":2"),
        (&segment(2), "\"v\":1", "\"v\":2"),
        (&segment(2), "\"v\":2,\"seq\"", "\"v\":99,\"seq\""),
    ] {
        let shelf = Shelf::new();
        let home = home(&shelf);
        // So few that they are in no pack.
        written(&*home, "A", 2).await.unwrap();
        edit(&shelf, key, from, to);
        let error = home.entries().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let error = home.take(&holder("bob")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.message().contains(key), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_gone_is_no_plan_without_runs() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 3).await.unwrap();
    shelf.set(HEAD, None);
    let error = refused(&*home, ErrorKind::Conflict, "head.json").await;
    assert!(error.message().contains("is gone"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_somebody_else_is_refused_before_anything_is_written() {
    let shelf = Shelf::new();
    shelf.set("twin/terraform.tfstate", Some("{}".into()));
    let home = home(&shelf);
    let error = home.take(&holder("ada")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("twin/terraform.tfstate"), "{error}");
    assert_eq!(shelf.keys(), ["twin/terraform.tfstate"]);
}

#[tokio::test(start_paused = true)]
async fn letters_may_be_there_before_the_first_run() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    home.ask(&Letter::new(Request::Pause { by: "eve".into() })).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(home.letters().await.unwrap().len(), 1);
    let mut log = home.take(&holder("ada")).await.unwrap().log;
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    // It was to a run of before.
    assert_eq!(home.letters().await.unwrap().len(), 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    home.ask(&Letter::new(Request::Resume { by: "eve".into() })).await.unwrap();
    let to = |run: &str| Letter {
        run: Some(run.into()),
        ..Letter::new(Request::Abort { by: "eve".into() })
    };
    home.ask(&to("A")).await.unwrap();
    home.ask(&to("before")).await.unwrap();
    assert_eq!(home.letters().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_left_by_who_can_do_nothing_but_put_there() {
    let shelf = Shelf::new();
    let store = Store::calm(&shelf).without("get", "").without("put", "/log/");
    let home = bucket(store).home(PLAN);
    home.ask(&Letter::new(Request::Pause { by: "eve".into() })).await.unwrap();
    assert_eq!(shelf.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_may_only_read_sees_everything_and_hears_what_is_not_allowed() {
    let shelf = Shelf::new();
    written(&*home(&shelf), "A", 20).await.unwrap();
    let reading = bucket(Store::calm(&shelf).without("put", "")).home(PLAN);
    assert_eq!(reading.entries().await.unwrap().len(), 20);
    assert!(reading.holder().await.unwrap().is_none());
    reading.letters().await.unwrap();
    let error = reading.take(&holder("bob")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    // A plan that is held is not said to be locked where the mark cannot be left.
    let _log = home(&shelf).take(&holder("ada")).await.unwrap().log;
    let error = reading.take(&holder("bob")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(reading.holder().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_comes_second_hears_who_holds_the_plan() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let _log = home.take(&holder("ada")).await.unwrap().log;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let error = home.take(&holder("bob")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let id = home.lock().await.unwrap().unwrap().id;
    for part in ["ada@ci (process 7, https://ci.example/ada)", "renewed 5 s ago", &id] {
        assert!(error.message().contains(part), "{error}");
    }
    tokio::time::sleep(LEASE).await;
    home.take(&holder("bob")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_unlocked_finds_out_before_its_next_event() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let mut first = home.take(&holder("ada")).await.unwrap().log;
    first.append(&[entry(0, begun("A"))]).await.unwrap();
    let id = home.lock().await.unwrap().unwrap().id;
    assert_eq!(home.unlock("1-other").await.unwrap_err().kind(), ErrorKind::NotFound);
    home.unlock(&id).await.unwrap();
    assert!(home.lock().await.unwrap().is_none());
    let mut second = home.take(&holder("bob")).await.unwrap().log;
    let error = first.append(&[entry(1, noted("late"))]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.message().contains("bob@ci"), "{error}");
    // It stays so, and the look before an effect says the same.
    assert_eq!(first.hold().pass().await.unwrap_err().kind(), ErrorKind::Locked);
    second.append(&[entry(1, noted("next"))]).await.unwrap();
    first.release().await;
    assert!(home.lock().await.unwrap().is_some());
    assert_eq!(texts(&home.entries().await.unwrap()), ["A", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_unlocked_while_it_waits_finds_out_by_its_renewal() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let log = home.take(&holder("ada")).await.unwrap().log;
    let id = home.lock().await.unwrap().unwrap().id;
    home.unlock(&id).await.unwrap();
    let error = log.hold().keep().await;
    assert_eq!(error.kind(), ErrorKind::Locked);
}

/// A machine's monotonic clock may stand still while it sleeps.
#[tokio::test(start_paused = true)]
async fn a_laptop_that_slept_looks_before_it_goes_on() {
    let shelf = Shelf::new();
    let clock = Clock::test(start());
    let laptop = Bucket::new(Arc::new(Store::calm(&shelf)), LEASE, "", clock.clone()).unwrap();
    let log = laptop.home(PLAN).take(&holder("ada")).await.unwrap().log;
    let hold = log.hold();
    shelf.asked();
    hold.pass().await.unwrap();
    assert!(shelf.asked().is_empty());
    clock.skip(LEASE);
    hold.pass().await.unwrap();
    assert_eq!(shelf.asked().len(), 1);
    // Somebody else took the plan meanwhile, whose store's clock says that it may.
    tokio::time::sleep(LEASE * 2).await;
    let _other = home(&shelf).take(&holder("bob")).await.unwrap().log;
    let error = hold.pass().await.unwrap_err();
    assert!(error.message().contains("bob@ci"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn plans_are_the_folders_with_a_head() {
    let shelf = Shelf::new();
    shelf.set("other/readme.md", Some("".into()));
    let bucket = bucket(Store::calm(&shelf));
    assert!(bucket.plans().await.unwrap().is_empty());
    drop(bucket.home("b").take(&holder("ada")).await.unwrap());
    drop(bucket.home("a").take(&holder("ada")).await.unwrap());
    assert_eq!(bucket.plans().await.unwrap(), ["a", "b"]);
    let short = Duration::from_millis(1_900);
    let error = Bucket::new(Arc::new(Store::calm(&shelf)), short, "", Clock::system()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// Two journals of one number: what a store without conditions would make.
#[tokio::test(start_paused = true)]
async fn a_segment_of_somebody_else_in_the_way_is_a_broken_journal() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let mut log = home.take(&holder("ada")).await.unwrap().log;
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    let there = shelf.bytes(&segment(1));
    shelf.set(&segment(2), there);
    let error = log.append(&[entry(1, noted("x"))]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains(&segment(2)), "{error}");
}
