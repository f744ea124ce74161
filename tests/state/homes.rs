//! One suite over every kind of home: what a run may rely on wherever its state is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vecshift::ErrorKind;
use vecshift::clock::Clock;
use vecshift::journal::{Entry, Event, FORMAT, Holder, Letter, Request, Waiting};
use vecshift::state::{Backend, Bucket, Folder, Home, LEASE};
use vecshift::storage::objects::{Memory, Objects};

const PLAN: &str = "twins";

/// A place for state as two machines see it.
struct Peer {
    name: &'static str,
    here: Arc<dyn Home>,
    elsewhere: Arc<dyn Home>,
    backend: Box<dyn Backend>,
    clock: Clock,
    kept: Kept,
    folder: tempfile::TempDir,
}

/// Where a test finds what a home keeps.
enum Kept {
    File(PathBuf),
    Objects(Arc<Memory>),
}

fn peers() -> [Peer; 2] {
    [folder(), bucket()]
}

fn clock() -> Clock {
    Clock::test("2026-11-02T09:00:00Z".parse::<Timestamp>().unwrap())
}

fn folder() -> Peer {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let of = |host: &str| Folder::new(folder.path(), host, clock.clone());
    let (one, two): (Box<dyn Backend>, Box<dyn Backend>) =
        (Box::new(of("one")), Box::new(of("two")));
    Peer {
        name: "folder",
        here: one.home(PLAN),
        elsewhere: two.home(PLAN),
        backend: one,
        kept: Kept::File(of("one").journal_of(PLAN)),
        clock,
        folder,
    }
}

fn bucket() -> Peer {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let objects = Arc::new(Memory::new(clock.clone()));
    let of = |name: &str| {
        let scratch = folder.path().join(name);
        Bucket::new(objects.clone(), Bucket::LEASE, scratch, clock.clone()).unwrap()
    };
    let (one, two) = (of("one"), of("two"));
    Peer {
        name: "bucket",
        here: one.home(PLAN),
        elsewhere: two.home(PLAN),
        backend: Box::new(one),
        clock,
        kept: Kept::Objects(objects),
        folder,
    }
}

impl Peer {
    /// Lets the holder here be dead for whoever looks from elsewhere: its machine is gone, with its lock.
    fn die(&self) {
        if let Kept::File(journal) = &self.kept {
            std::fs::remove_file(journal.with_file_name("lock")).unwrap();
        }
        self.clock.skip((LEASE + Bucket::LEASE) * 2);
    }

    /// Replaces the first occurrence of a text in the last part of the journal.
    async fn edit(&self, from: &str, to: &str) {
        let path = self.folder.path().join("edited");
        let edit = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{}: {text}", self.name);
            text.replacen(from, to, 1)
        };
        match &self.kept {
            Kept::File(journal) => {
                let edited = edit(&std::fs::read(journal).unwrap());
                std::fs::write(journal, edited).unwrap();
            }
            Kept::Objects(objects) => {
                let key = self.last_segment(objects).await;
                let bytes = objects.get(&key).await.unwrap().unwrap().bytes;
                std::fs::write(&path, edit(&bytes)).unwrap();
                objects.upload(&key, &path).await.unwrap();
            }
        }
    }

    async fn last_segment(&self, objects: &Memory) -> String {
        let listed = objects.list(&format!("{PLAN}/runs/A/log")).await.unwrap();
        listed.last().unwrap().key.clone()
    }
}

fn ada() -> Holder {
    Holder::new("ada", "one", 7)
}

fn bob() -> Holder {
    Holder::new("bob", "two", 8)
}

fn entry(seq: u64, event: Event) -> Entry {
    Entry { v: FORMAT, seq, at: Timestamp::UNIX_EPOCH, answers: None, event }
}

fn begun(run: &str) -> Entry {
    let event = Event::RunStarted {
        run: run.into(),
        plan: PLAN.into(),
        digest: "sha256:9c1f".into(),
        program: "0.1.0".into(),
        holder: "ada@one (process 7)".into(),
        rehearsal: false,
        path: None,
        source: "a".into(),
        target: "b".into(),
        stages: vec!["copy".into()],
        gates: None,
        reviewed: None,
    };
    entry(0, event)
}

fn noted(seq: u64, text: &str) -> Entry {
    entry(seq, Event::Noted { stage: "copy".into(), text: text.into() })
}

#[tokio::test]
async fn who_has_a_plan_is_seen_from_elsewhere_until_it_lets_go() {
    for peer in peers() {
        assert!(peer.elsewhere.holder().await.unwrap().is_none(), "{}", peer.name);
        let mut log = peer.here.take(&ada()).await.unwrap().log;
        log.append(&[begun("A")]).await.unwrap();
        log.hold().pass().await.unwrap();
        let error = peer.elsewhere.take(&bob()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{}", peer.name);
        let view = peer.elsewhere.holder().await.unwrap().unwrap();
        assert_eq!(view.holder, ada());
        for part in ["ada@one (process 7)", &view.id] {
            assert!(error.message().contains(part), "{}: {error}", peer.name);
        }
        assert_eq!(peer.elsewhere.lock().await.unwrap(), Some(view));
        let hold = log.hold();
        log.release().await;
        // It is over, and what goes on is nothing of the run's.
        hold.pass().await.unwrap();
        assert!(peer.elsewhere.lock().await.unwrap().is_none(), "{}", peer.name);
        peer.elsewhere.take(&bob()).await.unwrap().log.release().await;
        assert_eq!(peer.backend.plans().await.unwrap(), [PLAN]);
    }
}

#[tokio::test]
async fn events_are_there_for_whoever_reads_and_for_the_next_holder() {
    for peer in peers() {
        assert!(peer.here.entries().await.unwrap().is_empty(), "{}", peer.name);
        assert!(peer.here.entries_of("A").await.unwrap().is_none(), "{}", peer.name);
        let mut log = peer.here.take(&ada()).await.unwrap().log;
        let first = vec![begun("A"), noted(1, "one")];
        log.append(&first).await.unwrap();
        assert_eq!(peer.elsewhere.entries().await.unwrap(), first, "{}", peer.name);
        log.release().await;
        let taken = peer.elsewhere.take(&bob()).await.unwrap();
        assert_eq!(taken.entries, first, "{}", peer.name);
        let mut log = taken.log;
        let last = entry(2, Event::RunFinished);
        log.append(std::slice::from_ref(&last)).await.unwrap();
        log.archive("A").await.unwrap();
        log.append(&[begun("B")]).await.unwrap();
        log.release().await;
        let all = [first, vec![last]].concat();
        assert_eq!(peer.here.entries_of("A").await.unwrap(), Some(all), "{}", peer.name);
        assert_eq!(peer.here.entries_of("B").await.unwrap(), Some(vec![begun("B")]));
        assert_eq!(peer.here.entries().await.unwrap(), [begun("B")], "{}", peer.name);
        assert!(peer.here.entries_of("C").await.unwrap().is_none(), "{}", peer.name);
    }
}

#[tokio::test]
async fn a_journal_from_elsewhere_is_there_whole_and_goes_on() {
    for peer in peers() {
        let whole = vec![begun("A"), noted(1, "one"), noted(2, "two")];
        let other = [begun("A"), noted(1, "another")];
        let log = peer.elsewhere.take(&bob()).await.unwrap().log;
        let held = peer.here.push(&ada(), &whole).await.unwrap_err();
        assert_eq!(held.kind(), ErrorKind::Locked, "{}: {held}", peer.name);
        log.release().await;
        for (part, there_before) in [(2, 0), (3, 2), (3, 3)] {
            let pushed = peer.here.push(&ada(), &whole[..part]).await.unwrap();
            assert_eq!(pushed.there_before, there_before, "{}", peer.name);
            assert_eq!(peer.elsewhere.entries().await.unwrap(), whole[..part], "{}", peer.name);
        }
        for refused in [&other[..], &whole[..2], &[begun("B")]] {
            let error = peer.here.push(&ada(), refused).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{}: {error}", peer.name);
        }
        assert!(peer.elsewhere.lock().await.unwrap().is_none(), "{}", peer.name);
        let taken = peer.elsewhere.take(&bob()).await.unwrap();
        assert_eq!(taken.entries, whole, "{}", peer.name);
        let mut log = taken.log;
        log.append(&[noted(3, "next")]).await.unwrap();
        log.release().await;
        let all = [whole, vec![noted(3, "next")]].concat();
        assert_eq!(peer.here.entries_of("A").await.unwrap(), Some(all), "{}", peer.name);
    }
}

#[tokio::test(start_paused = true)]
async fn letters_come_in_order_and_are_taken_back() {
    for peer in peers() {
        let mut log = peer.here.take(&ada()).await.unwrap().log;
        log.append(&[begun("A")]).await.unwrap();
        assert!(peer.here.letters().await.unwrap().is_empty(), "{}", peer.name);
        // A run that looks again at once may be given what was there some seconds ago.
        let later = || tokio::time::sleep(Duration::from_secs(10));
        let letters = [
            Request::Pause { by: "eve".into() },
            Request::Resume { by: "eve".into() },
            Request::Abort { by: "eve".into() },
        ]
        .map(|request| Letter { run: Some("A".into()), ..Letter::new(request) });
        let mut ids = Vec::new();
        for letter in &letters {
            peer.clock.skip(Duration::from_millis(2));
            ids.push(peer.elsewhere.ask(letter).await.unwrap());
        }
        let waiting = |at: usize| Waiting { id: ids[at].clone(), letter: letters[at].clone() };
        let all = [waiting(0), waiting(1), waiting(2)];
        later().await;
        assert_eq!(peer.here.letters().await.unwrap(), all, "{}", peer.name);
        peer.elsewhere.withdraw(&ids[1]).await.unwrap();
        peer.elsewhere.withdraw(&ids[1]).await.unwrap();
        later().await;
        assert_eq!(peer.here.letters().await.unwrap(), [waiting(0), waiting(2)], "{}", peer.name);
        peer.here.answered(&ids[0]).await.unwrap();
        later().await;
        let left = peer.here.letters().await.unwrap();
        assert!(left.ends_with(&[waiting(2)]), "{}: {left:?}", peer.name);
    }
}

#[tokio::test]
async fn who_lost_a_plan_writes_nothing_more_and_takes_nothing_away() {
    for peer in peers() {
        let mut first = peer.here.take(&ada()).await.unwrap().log;
        first.append(&[begun("A")]).await.unwrap();
        peer.die();
        let taken = peer.elsewhere.take(&bob()).await.unwrap();
        assert_eq!(taken.entries, [begun("A")]);
        let mut second = taken.log;
        for _ in 0..2 {
            let error = first.append(&[noted(1, "late")]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{}: {error}", peer.name);
        }
        let error = first.hold().pass().await.unwrap_err();
        assert!(error.message().contains("bob@two"), "{}: {error}", peer.name);
        second.append(&[noted(1, "next")]).await.unwrap();
        first.release().await;
        second.append(&[noted(2, "and on")]).await.unwrap();
        let expected = [begun("A"), noted(1, "next"), noted(2, "and on")];
        assert_eq!(peer.here.entries().await.unwrap(), expected, "{}", peer.name);
        assert_eq!(peer.here.holder().await.unwrap().unwrap().holder, bob(), "{}", peer.name);
    }
}

#[tokio::test]
async fn a_lock_is_taken_away_by_its_name_alone() {
    for peer in peers() {
        let mut log = peer.here.take(&ada()).await.unwrap().log;
        log.append(&[begun("A")]).await.unwrap();
        let error = peer.elsewhere.unlock("another").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}", peer.name);
        let id = peer.elsewhere.lock().await.unwrap().unwrap().id;
        peer.die();
        peer.elsewhere.unlock(&id).await.unwrap();
        assert!(peer.elsewhere.lock().await.unwrap().is_none(), "{}", peer.name);
        let error = log.append(&[noted(1, "late")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{}: {error}", peer.name);
    }
}

#[tokio::test]
async fn a_damaged_or_newer_journal_is_refused_and_left_as_it_is() {
    for (from, to, kind) in [
        ("\"event\":\"noted\"", "\"event\":\"noted", ErrorKind::Conflict),
        ("\"seq\":2", "\"seq\":4", ErrorKind::Conflict),
        ("\"v\":2,\"seq\":2", "\"v\":99,\"seq\":2", ErrorKind::Refused),
        ("\"event\":\"noted\"", "\"event\":\"dreamt\"", ErrorKind::Refused),
    ] {
        for peer in peers() {
            let mut log = peer.here.take(&ada()).await.unwrap().log;
            log.append(&[begun("A")]).await.unwrap();
            // So few segments that a bucket has them in no pack.
            log.append(&[noted(1, "one"), noted(2, "two")]).await.unwrap();
            log.release().await;
            // In a file the first event of its kind is another line.
            let text = if from.starts_with("\"event\"") { "\"text\":\"two\"" } else { from };
            match from == text {
                true => peer.edit(from, to).await,
                false => peer.edit(&format!("{from},\"stage\":\"copy\",{text}"), to).await,
            }
            let before = peer.here.entries().await.map_err(|error| error.kind());
            match &before {
                // A folder's journal is checked for its order where it is folded.
                Ok(entries) => assert!(entries.iter().map(|entry| entry.seq).ne(0..3)),
                Err(found) => {
                    assert_eq!(*found, kind, "{}: {to}", peer.name);
                    let error = peer.elsewhere.take(&bob()).await.unwrap_err();
                    assert_eq!(error.kind(), kind, "{}: {to}", peer.name);
                }
            }
            assert!(peer.elsewhere.lock().await.unwrap().is_none(), "{}", peer.name);
            assert_eq!(peer.here.entries().await.map_err(|error| error.kind()), before);
        }
    }
}

#[tokio::test]
async fn files_of_runs_lie_below_the_folder_of_this_machine() {
    for peer in peers() {
        let folder: &Path = peer.folder.path();
        assert!(peer.here.folder().starts_with(folder), "{}", peer.name);
        assert!(peer.here.artifacts("A").starts_with(peer.here.folder()), "{}", peer.name);
    }
}
