//! What every place for objects promises, held against all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use vecshift::ErrorKind;
use vecshift::clock::{Clock, Timestamp};
use vecshift::storage::objects::{Memory, Objects, Put, Version, open, probe};

use crate::google::Google;
use crate::servers::{self, Store};

const WRITERS: usize = 8;
const ROUNDS: usize = 100;

/// Makes an empty place, by a name.
type Make<'a> = &'a dyn Fn(&str) -> Arc<dyn Objects>;

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    contract(&|_| Arc::new(Memory::new(Clock::system())), 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let root = folder.path().join(name);
        std::fs::create_dir_all(&root).unwrap();
        let uri = format!("file://{}", root.display());
        open(&uri, &BTreeMap::new(), Duration::from_secs(60)).unwrap()
    };
    contract(&make, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_bucket_of_s3() {
    let store = servers::s3().await;
    // More than a page of 1,000.
    contract(&|name| store.open(name), 1_100).await;
    whole_bucket(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_container_of_azure() {
    let store = servers::azure().await;
    contract(&|name| store.open(name), 300).await;
    whole_bucket(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_bucket_of_google() {
    let store = Google::start().await;
    contract(&|name| store.open(name), 300).await;
}

async fn contract(make: Make<'_>, many: usize) {
    conditions(&*make("conditions")).await;
    time(&*make("time")).await;
    lists(&*make("lists"), many).await;
    odd_keys(&*make("odd keys")).await;
    files(&*make("files")).await;
    creators(make("creators")).await;
    replacers(make("replacers")).await;
    probes(&*make("probes")).await;
}

/// A bucket without a prefix has all of the others.
async fn whole_bucket(store: &Store) {
    let all = open(store.uri, &store.variables, Duration::from_secs(30)).unwrap();
    let folders = all.folders("").await.unwrap();
    assert!(folders.contains(&"odd keys".to_owned()), "{folders:?}");
    let listed = all.list("conditions").await.unwrap();
    assert_eq!(listed[0].key, "conditions/hot/head.json");
    assert!(all.get("conditions/hot/head.json").await.unwrap().is_some());
}

fn bytes(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

fn done(put: Put) -> Version {
    match put {
        Put::Done(version) => version,
        other => panic!("it was not written: {other:?}"),
    }
}

fn is_refused(put: &Put) -> bool {
    matches!(put, Put::Refused)
}

async fn conditions(place: &dyn Objects) {
    let key = "hot/head.json";
    assert!(place.get(key).await.unwrap().is_none());
    let first = done(place.create(key, bytes("first")).await.unwrap());
    assert!(is_refused(&place.create(key, bytes("other")).await.unwrap()));
    let read = place.get(key).await.unwrap().unwrap();
    assert_eq!((&read.bytes[..], &read.version), (&b"first"[..], &first));

    let second = done(place.replace(key, bytes("second"), &first).await.unwrap());
    assert_ne!(first, second);
    assert!(is_refused(&place.replace(key, bytes("third"), &first).await.unwrap()));
    assert!(is_refused(&place.create(key, bytes("third")).await.unwrap()));
    let read = place.get(key).await.unwrap().unwrap();
    assert_eq!((&read.bytes[..], &read.version), (&b"second"[..], &second));
    assert!(is_refused(&place.replace("hot/nothing", bytes("a"), &second).await.unwrap()));
    assert!(place.get("hot/nothing").await.unwrap().is_none());

    let mut version = second;
    for text in 0..30 {
        version = done(place.replace(key, bytes(text.to_string()), &version).await.unwrap());
    }
    let read = place.get(key).await.unwrap().unwrap();
    assert_eq!((&read.bytes[..], &read.version), (&b"29"[..], &version));
    let listed = place.list("").await.unwrap();
    assert_eq!(listed.iter().map(|one| (&*one.key, one.bytes)).collect::<Vec<_>>(), [(key, 2)]);
}

/// Times are those of writes, and the same however they are asked for.
async fn time(place: &dyn Objects) {
    done(place.create("a", bytes("first")).await.unwrap());
    let first = place.get("a").await.unwrap().unwrap();
    let second = done(place.replace("a", bytes("second"), &first.version).await.unwrap());
    let read = place.get("a").await.unwrap().unwrap();
    assert_eq!(read.version, second);
    assert!(read.modified >= first.modified);
    // Lists of some stores have milliseconds, and what is read has seconds.
    let listed = place.list("").await.unwrap()[0].modified;
    assert!(listed.duration_since(read.modified).abs() < jiff::SignedDuration::from_secs(1));
    let now = Clock::system().now();
    assert!(now.duration_since(read.modified).abs() < jiff::SignedDuration::from_mins(1));
}

async fn lists(place: &dyn Objects, many: usize) {
    assert_eq!(place.list("log").await.unwrap(), []);
    assert_eq!(place.folders("").await.unwrap(), [""; 0]);
    let key = |number: usize| format!("log/{number:012}.jsonl");
    let key = &key;
    stream::iter(0..many)
        .for_each_concurrent(8, |number| async move {
            let key = key(number);
            done(place.create(&key, bytes(number.to_string())).await.unwrap());
        })
        .await;
    for key in ["logs/a", "log.txt", "runs/b/log/1", "runs/a/1", "runs/a/b/2"] {
        done(place.create(key, bytes("other")).await.unwrap());
    }
    let listed = place.list("log").await.unwrap();
    assert_eq!(listed.len(), many);
    for (number, one) in listed.iter().enumerate() {
        assert_eq!((&one.key, one.bytes), (&key(number), number.to_string().len() as u64));
    }
    let all = place.list("").await.unwrap();
    assert_eq!(all.len(), many + 5);
    assert!(all.is_sorted_by(|a, b| a.key < b.key));
    assert_eq!(all[0].key, "log.txt");
    assert_eq!(place.folders("").await.unwrap(), ["log", "logs", "runs"]);
    assert_eq!(place.folders("runs").await.unwrap(), ["a", "b"]);
    assert_eq!(place.folders("runs/a").await.unwrap(), ["b"]);
    assert_eq!(place.folders("log").await.unwrap(), [""; 0]);
    let below: Vec<_> =
        place.list("runs/a").await.unwrap().into_iter().map(|one| one.key).collect();
    assert_eq!(below, ["runs/a/1", "runs/a/b/2"]);
}

/// Keys that have to be escaped in requests, in lists or in both.
const ODD_KEYS: [&str; 12] = [
    "a b/c  d",
    "größe/日本語",
    "100%/ab",
    "a+b&c=d;e",
    "it's/(1)!",
    "~a/{b}/[c]",
    "a:b@c,d$e",
    "..a",
    "*",
    "\"quoted\"<tag>",
    "^a|b`c",
    "#1/x",
];

/// What moto takes apart once more.
const ODDER_KEYS: [&str; 2] = ["100%/a%2Fb", "#1/?x=y"];

async fn odd_keys(place: &dyn Objects) {
    let mut keys = ODD_KEYS.to_vec();
    if !place.uri().starts_with("s3:") {
        keys.extend(ODDER_KEYS);
    }
    keys.sort_unstable();
    for key in keys.iter().copied() {
        let version = done(place.create(key, bytes(key)).await.unwrap());
        done(place.replace(key, bytes(format!("{key}!")), &version).await.unwrap());
        let read = place.get(key).await.unwrap().unwrap();
        assert_eq!(read.bytes, format!("{key}!"), "{key}");
    }
    let listed: Vec<_> = place.list("").await.unwrap().into_iter().map(|one| one.key).collect();
    assert_eq!(listed, keys);
    assert_eq!(place.list("größe").await.unwrap()[0].key, "größe/日本語");
    let folders: BTreeSet<_> = place.folders("").await.unwrap().into_iter().collect();
    assert!(folders.contains("100%") && folders.contains("#1"), "{folders:?}");
    for key in ["", "/a", "a/", "a//b", "a/../b", "a\nb", "a\\b", "a.000000000001"] {
        let refused = place.create(key, bytes("a")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{key:?}");
        assert_eq!(place.get(key).await.unwrap_err().kind(), ErrorKind::Invalid, "{key:?}");
    }
}

async fn files(place: &dyn Objects) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("new/to"));
    for length in [0, 1, 1 << 20, (19 << 20) + 1] {
        let key = format!("artifacts/{length}");
        let body: Vec<u8> = (0..length).map(|at: usize| (at * 31 + at / 977) as u8).collect();
        std::fs::write(&from, &body).unwrap();
        place.upload(&key, &from).await.unwrap();
        // Asked again, it is the same.
        place.upload(&key, &from).await.unwrap();
        place.download(&key, &to).await.unwrap();
        assert!(std::fs::read(&to).unwrap() == body, "{length} bytes");
        assert!(place.get(&key).await.unwrap().unwrap().bytes == body);
    }
    let listed = place.list("artifacts").await.unwrap();
    assert_eq!(listed.len(), 4);
    let kept = std::fs::read(&to).unwrap();
    let missing = place.download("artifacts/none", &to).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    assert!(std::fs::read(&to).unwrap() == kept);
    let names: Vec<_> = std::fs::read_dir(to.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert!(place.upload("artifacts/x", &folder.path().join("none")).await.is_err());
    assert!(place.get("artifacts/x").await.unwrap().is_none());
}

/// Of those that create the same object at once, exactly one does, and it is what is there.
async fn creators(place: Arc<dyn Objects>) {
    for round in 0..ROUNDS {
        let key = format!("log/{round:012}");
        let puts = race(|writer| {
            let (place, key) = (place.clone(), key.clone());
            async move { place.create(&key, bytes(format!("{round} {writer}"))).await.unwrap() }
        });
        let won = winner(&puts.await, round);
        let read = place.get(&key).await.unwrap().unwrap();
        assert_eq!(read.bytes, format!("{round} {won}"));
    }
}

/// Of those that replace the same version at once, exactly one does.
async fn replacers(place: Arc<dyn Objects>) {
    let key = "head";
    let mut version = done(place.create(key, bytes("first")).await.unwrap());
    for round in 0..ROUNDS {
        let puts = race(|writer| {
            let (place, version) = (place.clone(), version.clone());
            let body = bytes(format!("{round} {writer}"));
            async move { place.replace(key, body, &version).await.unwrap() }
        });
        let puts = puts.await;
        let won = winner(&puts, round);
        let read = place.get(key).await.unwrap().unwrap();
        assert_eq!(read.bytes, format!("{round} {won}"));
        let Put::Done(next) = &puts[won] else { unreachable!() };
        assert_eq!(read.version, *next);
        version = next.clone();
    }
}

async fn race<F: Future<Output = Put> + Send + 'static>(write: impl Fn(usize) -> F) -> Vec<Put> {
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(writer)));
    join_all(writers).await.into_iter().map(Result::unwrap).collect()
}

fn winner(puts: &[Put], round: usize) -> usize {
    let mut won = puts.iter().enumerate().filter(|(_, put)| matches!(put, Put::Done(_)));
    let first = won.next().unwrap_or_else(|| panic!("round {round}: nobody won: {puts:?}")).0;
    assert_eq!(won.count(), 0, "round {round}: several won: {puts:?}");
    assert_eq!(puts.iter().filter(|put| is_refused(put)).count(), WRITERS - 1, "{puts:?}");
    first
}

async fn probes(place: &dyn Objects) {
    for below in ["hot/probe", ""] {
        let probed = probe(place, below).await.unwrap();
        assert!(probed.key.starts_with(below), "{probed:?}");
        assert!(place.get(&probed.key).await.unwrap().is_some());
    }
}

/// The time in memory is that of a test, and may be another one than the test's.
#[tokio::test]
async fn the_time_in_memory_is_a_tests_own() {
    let clock = Clock::test(Timestamp::from_second(1_000).unwrap());
    let place = Memory::new(clock.clone());
    done(place.create("a", bytes("1")).await.unwrap());
    clock.skip(Duration::from_secs(50));
    place.set_skew(jiff::SignedDuration::from_hours(-24));
    done(place.create("b", bytes("2")).await.unwrap());
    let listed = place.list("").await.unwrap();
    let seconds: Vec<_> = listed.iter().map(|one| one.modified.as_second()).collect();
    assert_eq!(seconds, [1_000, 1_050 - 86_400]);
}

/// A share that is not mounted is no empty place.
#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("share");
    let uri = format!("file://{}", root.display());
    let place = open(&uri, &BTreeMap::new(), Duration::from_secs(60)).unwrap();
    for error in [
        place.get("a").await.unwrap_err(),
        place.create("a", bytes("1")).await.unwrap_err(),
        place.list("").await.unwrap_err(),
        probe(&*place, "").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.hint().unwrap().contains("mount"), "{error}");
    }
    assert!(!root.exists());
}

/// What a folder keeps of other versions, what was never finished, and what a file server keeps are not objects.
#[tokio::test]
async fn a_folder_shows_objects_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("file://{}", folder.path().display());
    let place = open(&uri, &BTreeMap::new(), Duration::from_secs(60)).unwrap();
    let mut version = done(place.create("hot/head", bytes("0")).await.unwrap());
    for number in 1..20 {
        version =
            done(place.replace("hot/head", bytes(number.to_string()), &version).await.unwrap());
    }
    for name in [".vecshift-abc.partial", ".nfs000001"] {
        std::fs::write(folder.path().join("hot").join(name), "half").unwrap();
    }
    let files = std::fs::read_dir(folder.path().join("hot")).unwrap().count();
    assert_eq!(files, 2 + 2 + 8, "the first two and the newest stay");
    let listed = place.list("").await.unwrap();
    assert_eq!(listed.iter().map(|one| &*one.key).collect::<Vec<_>>(), ["hot/head"]);
    assert_eq!(place.get("hot/head").await.unwrap().unwrap().bytes, "19");
}
