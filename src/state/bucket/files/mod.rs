//! The files that a run writes on its machine, kept for whoever goes on from another one.
//!
//! What is new in the run's folder is written before each segment, so that what an event counts or names is there before the
//! event. A file that has grown is kept by its end alone. The newest of a file is its last group that is whole, and what
//! groups after it put behind that: a holder that died while it wrote leaves a group that is not. Each holder says which group
//! it builds on, so that what one before it writes late counts no more.

mod local;
mod part;
mod push;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tokio::sync::Mutex;

use self::local::{File, ends, gone, kept_of, look, mark, read_mark, read_piece, remove, scan};
use self::part::{BASE, GONE, Part, newest_of};
use super::asking::{Asking, OUTAGE, Settled};
use super::json::damaged;
use super::layout::Layout;
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement};
use crate::journal::Artifact;
use crate::state::{below_artifacts, new_id};

/// The most bytes of an object that holds the end of a file.
const PIECE: u64 = 1 << 20;
/// Objects that are read at once.
const SIDE_BY_SIDE: usize = 32;
/// The files of a plan's runs.
#[derive(Debug)]
pub(super) struct Files {
    asking: Asking,
    layout: Layout,
    /// The folder of the plan on this machine.
    folder: PathBuf,
    clock: Clock,
    known: Mutex<Known>,
}

/// What is kept of one run.
#[derive(Debug, Default)]
struct Known {
    run: String,
    /// Whether it is known what is kept of it.
    is_loaded: bool,
    files: BTreeMap<String, File>,
    /// The newest group that was there when it was loaded, and whether this holder has said that it builds on it.
    base: Option<String>,
    has_base: bool,
    /// The number of the last group of this holder.
    groups: u64,
}

impl Files {
    pub fn new(asking: Asking, layout: Layout, folder: PathBuf, clock: Clock) -> Self {
        Self { asking, layout, folder, clock, known: Mutex::default() }
    }

    fn folder_of(&self, run: &str) -> PathBuf {
        self.folder.join("artifacts").join(run)
    }

    /// Keeps what is new in the folder of a run, under the epoch of who holds its plan.
    ///
    /// # Errors
    /// Those of the disk and of the bucket; `Unavailable` where that stays away.
    pub async fn keep_new(&self, run: &str, epoch: u64) -> Result<()> {
        let mut known = self.known.lock().await;
        let folder = self.folder_of(run);
        let mut there = look(&folder).await?;
        if known.run != run || !known.is_loaded {
            // A look at a bake, on a machine that has nothing of the run, needs none of its files.
            if there.is_empty() {
                return Ok(());
            }
            self.load(&mut known, run).await?;
            there = look(&folder).await?;
        }
        let gone: Vec<String> =
            known.files.keys().filter(|path| !there.contains_key(*path)).cloned().collect();
        let new = |(path, file): &(String, File)| {
            known.files.get(path).is_none_or(|old| !old.is_same(file))
        };
        let new: Vec<(String, File)> = there.into_iter().filter(new).collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        let mut last = None;
        for path in gone {
            let group = self.group(&mut known, run, epoch).await?;
            self.put_own(run, &format!("{group}/{GONE}/{path}"), Bytes::new()).await?;
            known.files.remove(&path);
            last = Some(group);
        }
        for (path, mut file) in new {
            let old = known.files.get(&path);
            let from = match old {
                Some(old) => kept_of(old, &file, &folder.join(&path)).await?,
                None => 0,
            };
            file.tails = if from == 0 { 0 } else { old.map_or(0, |old| old.tails) + 1 };
            file.ends = match ends(&folder.join(&path), file.bytes).await? {
                Some(ends) => ends,
                // Removed since, and nothing counts it.
                None => continue,
            };
            let group = self.group(&mut known, run, epoch).await?;
            match self.put(run, &group, (&folder, &path), from..file.bytes).await {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                // No name for an object: it stays here.
                Err(error) if error.kind() == ErrorKind::Invalid => {
                    tracing::warn!(%error, path, "a file of the run is not kept");
                }
                put => put?,
            }
            known.files.insert(path, file);
            last = Some(group);
        }
        match last {
            Some(group) => mark(&folder, Some(group), &known.files).await,
            None => Ok(()),
        }
    }

    /// Returns the name of the next group of this holder, which first says what it builds on: what a holder before it writes
    /// after that counts no more.
    async fn group(&self, known: &mut Known, run: &str, epoch: u64) -> Result<String> {
        if !known.has_base {
            let base = known.base.as_deref().unwrap_or("nothing");
            self.put_own(run, &format!("{epoch:08}-{:08}/{BASE}/{base}", 0), Bytes::new()).await?;
            known.has_base = true;
        }
        known.groups += 1;
        Ok(format!("{epoch:08}-{:08}", known.groups))
    }

    async fn put_own(&self, run: &str, name: &str, bytes: Bytes) -> Result<()> {
        let key = format!("{}/{name}", self.layout.files(run));
        match self.asking.settle(&key, &bytes, OUTAGE).await? {
            Settled::Ours => Ok(()),
            Settled::Another(_) => Err(damaged(format!("`{key}` was written by somebody else"))),
        }
    }

    /// Writes a group: a whole file, or the bytes by which it has grown.
    async fn put(
        &self,
        run: &str,
        group: &str,
        (folder, path): (&Path, &str),
        bytes: std::ops::Range<u64>,
    ) -> Result<()> {
        let name = |offset: u64| format!("{group}/{offset:016}-{:016}/{path}", bytes.end);
        if bytes.start == 0 {
            let key = format!("{}/{}", self.layout.files(run), name(0));
            return self.asking.upload(&key, &folder.join(path)).await;
        }
        let mut offset = bytes.start;
        while offset < bytes.end {
            let end = bytes.end.min(offset + PIECE);
            let file = folder.join(path);
            let piece = blocking(move || read_piece(&file, offset, end)).await?;
            self.put_own(run, &name(offset), piece).await?;
            offset = end;
        }
        Ok(())
    }

    /// Brings the files of a run to this machine, unless its folder has what is kept.
    ///
    /// # Errors
    /// Those of the disk and of the bucket.
    pub async fn restore(&self, run: &str) -> Result<()> {
        let mut known = self.known.lock().await;
        match known.run == run && known.is_loaded {
            true => Ok(()),
            false => self.load(&mut known, run).await,
        }
    }

    async fn load(&self, known: &mut Known, run: &str) -> Result<()> {
        let parts = self.parts(run).await?;
        let folder = self.folder_of(run);
        let newest = parts.iter().map(|part| part.group.clone()).max();
        let marked = {
            let folder = folder.clone();
            blocking(move || Ok(read_mark(&folder))).await?
        };
        let files = match newest.is_none() || marked.group == newest {
            true => marked.files,
            false => self.fetch_all(&folder, parts).await?,
        };
        mark(&folder, newest.clone(), &files).await?;
        let (run, base) = (run.to_owned(), newest);
        *known = Known { run, is_loaded: true, files, base, ..Known::default() };
        Ok(())
    }

    /// Makes the folder of a run what is kept of it.
    async fn fetch_all(&self, folder: &Path, parts: Vec<Part>) -> Result<BTreeMap<String, File>> {
        let mut tails = BTreeMap::new();
        for (path, pieces) in newest_of(parts) {
            let to = folder.join(&path);
            if pieces.is_empty() {
                remove(to).await?;
                continue;
            }
            self.write(&to, &pieces).await?;
            tails.insert(path, u32::try_from(pieces.len()).unwrap_or(u32::MAX));
        }
        let mut files = look(folder).await?;
        files.retain(|path, _| tails.contains_key(path));
        for (path, file) in &mut files {
            file.tails = tails[path];
            file.ends = ends(&folder.join(path), file.bytes).await?.unwrap_or_default();
        }
        Ok(files)
    }

    /// Writes a file as it is kept: its first piece may be large, the others are not.
    async fn write(&self, to: &Path, pieces: &[(String, u64)]) -> Result<()> {
        let Some(((first, used), rest)) = pieces.split_first() else { return Ok(()) };
        let cannot = |error| Error::io(format!("cannot write {}", to.display()), error);
        let mut file = Replacement::begin(to, Access::Usual).map_err(cannot)?;
        let copy = tempfile::Builder::new().tempdir().map_err(cannot)?;
        let begin = copy.path().join("first");
        self.asking.download(first, &begin).await?;
        let used = *used;
        let mut file = {
            let to = to.to_owned();
            blocking(move || {
                let copied = std::fs::File::open(&begin)
                    .and_then(|from| std::io::copy(&mut from.take(used), &mut file));
                copied
                    .map_err(|error| Error::io(format!("cannot write {}", to.display()), error))?;
                Ok(file)
            })
            .await?
        };
        let read = |(key, bytes): &(String, u64)| {
            let (key, bytes) = (key.clone(), *bytes);
            async move {
                let read = self.asking.read(&key).await?.ok_or_else(|| gone(&key))?;
                let used = usize::try_from(bytes).unwrap_or(usize::MAX).min(read.bytes.len());
                Result::<_>::Ok(read.bytes.slice(..used))
            }
        };
        let mut rest = stream::iter(rest).map(read).buffered(SIDE_BY_SIDE);
        while let Some(piece) = rest.next().await {
            file.write_all(&piece?).map_err(cannot)?;
        }
        let to = to.to_owned();
        blocking(move || {
            file.commit()
                .map_err(|error| Error::io(format!("cannot write {}", to.display()), error))
        })
        .await
    }

    async fn parts(&self, run: &str) -> Result<Vec<Part>> {
        let below = self.layout.files(run);
        let listed = self.asking.list(&below).await?;
        let mut parts: Vec<Part> =
            listed.into_iter().filter_map(|listed| Part::read(&below, listed)).collect();
        parts.sort();
        Ok(parts)
    }

    /// Keeps a file, or all files of a folder, that lies elsewhere than in the folder of its run; returns its key.
    ///
    /// # Errors
    /// Those of the disk and of the bucket.
    pub async fn keep(&self, run: &str, path: &Path) -> Result<Option<String>> {
        if path.starts_with(self.folder_of(run)) {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let key = format!("{}/{}/{name}", self.layout.kept(run), new_id(self.clock.now()));
        if !path.is_dir() {
            self.asking.upload(&key, path).await?;
            return Ok(Some(key));
        }
        let folder = path.to_owned();
        for (file, _) in blocking(move || scan(&folder)).await? {
            self.asking.upload(&format!("{key}/{file}"), &path.join(&file)).await?;
        }
        Ok(Some(key))
    }

    /// Copies an artifact to this machine.
    ///
    /// # Errors
    /// `NotFound` if nothing of it is kept; those of the disk and of the bucket.
    pub async fn fetch(&self, run: &str, artifact: &Artifact, to: &Path) -> Result<()> {
        // Its path is that of the machine that wrote it.
        let below = below_artifacts(&artifact.path, run)
            .unwrap_or_else(|| artifact.path.replace('\\', "/"));
        if artifact.kept.is_none()
            && let Some(pieces) = newest_of(self.parts(run).await?).get(&below)
            && !pieces.is_empty()
        {
            return self.write(to, pieces).await;
        }
        let Some(key) = self.place_of(run, artifact) else { return Err(gone(&artifact.path)) };
        let listed = self.asking.list(&key).await?;
        if listed.is_empty() {
            let copied = self.asking.download(&key, to).await;
            return copied.map_err(|error| match error.kind() {
                ErrorKind::NotFound => gone(&artifact.path).with_source(error),
                _ => error,
            });
        }
        for one in listed {
            let below = one.key.strip_prefix(key.as_str()).unwrap_or(&one.key);
            self.asking.download(&one.key, &to.join(below.trim_start_matches('/'))).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::local::TAILS;
    use super::*;
    use crate::storage::objects::{Memory, Objects as _};

    /// A machine with its folder, and the bucket that all share.
    struct Machine {
        folder: tempfile::TempDir,
        files: Files,
    }

    impl Machine {
        fn new(objects: &Arc<Memory>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_owned();
            Self::again(objects, folder, path)
        }

        /// Another process on the same machine.
        fn restarted(self, objects: &Arc<Memory>) -> Self {
            let path = self.folder.path().to_owned();
            Self::again(objects, self.folder, path)
        }

        fn again(objects: &Arc<Memory>, folder: tempfile::TempDir, path: PathBuf) -> Self {
            let (asking, layout) = (Asking::new(objects.clone()), Layout::new("p"));
            let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
            Self { folder, files: Files::new(asking, layout, path, clock) }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join("artifacts/r").join(name)
        }

        fn add(&self, name: &str, text: &str) {
            std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).append(true).open(self.path(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn put(&self, name: &str, text: &str) {
            crate::fs::replace(&self.path(name), text.as_bytes(), Access::Usual).unwrap();
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.path(name)).unwrap()
        }
    }

    async fn bytes_in(objects: &Memory) -> Vec<u64> {
        objects.list("p").await.unwrap().iter().map(|listed| listed.bytes).collect()
    }

    #[tokio::test]
    async fn files_go_from_machine_to_machine_and_only_what_is_new_of_them() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let (one, two) = (Machine::new(&objects), Machine::new(&objects));
        one.add("deep/lines.jsonl", "1\n");
        one.put("names.csv", "a");
        one.files.keep_new("r", 1).await.unwrap();
        one.files.keep_new("r", 1).await.unwrap();
        assert_eq!(bytes_in(&objects).await, [0, 2, 1]);
        one.add("deep/lines.jsonl", "2\n3\n");
        one.put("names.csv", "b");
        one.files.keep_new("r", 1).await.unwrap();
        assert_eq!(bytes_in(&objects).await, [0, 2, 1, 4, 1]);
        two.files.restore("r").await.unwrap();
        assert_eq!(two.read("deep/lines.jsonl"), "1\n2\n3\n");
        assert_eq!(two.read("names.csv"), "b");
        // It goes on there.
        two.add("deep/lines.jsonl", "4\n");
        two.files.keep_new("r", 2).await.unwrap();
        // The first machine comes back with what was new there when it was killed, and counted nowhere.
        one.add("deep/lines.jsonl", "lost\n");
        let one = one.restarted(&objects);
        // Its first event comes before anything needs a file.
        one.files.keep_new("r", 3).await.unwrap();
        assert_eq!(one.read("deep/lines.jsonl"), "1\n2\n3\n4\n");
        one.files.restore("r").await.unwrap();
        assert_eq!(one.read("deep/lines.jsonl"), "1\n2\n3\n4\n");
    }

    #[tokio::test]
    async fn a_file_that_is_written_anew_is_kept_anew_whatever_its_length() {
        for texts in [["aaaa", "bbbb"], ["aaaa", "bb"], ["aaaa", "bbbbbb"], ["aaaa", ""]] {
            let objects = Arc::new(Memory::new(Clock::system()));
            let one = Machine::new(&objects);
            one.put("audit.json", texts[0]);
            one.files.keep_new("r", 1).await.unwrap();
            let two = Machine::new(&objects);
            two.files.restore("r").await.unwrap();
            two.put("audit.json", texts[1]);
            two.files.keep_new("r", 2).await.unwrap();
            let three = Machine::new(&objects);
            three.files.restore("r").await.unwrap();
            assert_eq!(three.read("audit.json"), texts[1]);
        }
    }

    #[tokio::test]
    async fn a_file_that_was_removed_does_not_come_back() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let (one, two) = (Machine::new(&objects), Machine::new(&objects));
        one.put("ids.json", "index");
        one.files.keep_new("r", 1).await.unwrap();
        two.files.restore("r").await.unwrap();
        std::fs::remove_file(two.path("ids.json")).unwrap();
        two.files.keep_new("r", 2).await.unwrap();
        let (one, three) = (one.restarted(&objects), Machine::new(&objects));
        for machine in [&one, &three] {
            machine.files.restore("r").await.unwrap();
            assert!(!machine.path("ids.json").exists());
        }
    }

    #[tokio::test]
    async fn a_file_that_grows_for_long_is_read_in_few_pieces() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let one = Machine::new(&objects);
        let mut text = String::new();
        for number in 0..200 {
            one.add("lines.jsonl", &format!("{number}\n"));
            text += &format!("{number}\n");
            one.files.keep_new("r", 1).await.unwrap();
        }
        let two = Machine::new(&objects);
        two.files.restore("r").await.unwrap();
        assert_eq!(two.read("lines.jsonl"), text);
        let pieces = newest_of(two.files.parts("r").await.unwrap());
        assert!(
            pieces["lines.jsonl"].len() <= TAILS as usize + 1,
            "{}",
            pieces["lines.jsonl"].len()
        );
    }

    #[tokio::test]
    async fn a_machine_that_was_the_last_one_goes_on_from_its_own_folder() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let one = Machine::new(&objects);
        one.add("lines.jsonl", "1\n");
        one.files.keep_new("r", 1).await.unwrap();
        one.add("lines.jsonl", "2\n");
        let one = one.restarted(&objects);
        one.files.restore("r").await.unwrap();
        assert_eq!(one.read("lines.jsonl"), "1\n2\n");
        one.files.keep_new("r", 2).await.unwrap();
        let two = Machine::new(&objects);
        two.files.restore("r").await.unwrap();
        assert_eq!(two.read("lines.jsonl"), "1\n2\n");
    }

    #[tokio::test]
    async fn a_folder_that_is_pushed_again_is_kept_as_it_is_and_left_alone() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let one = Machine::new(&objects);
        one.add("deep/lines.jsonl", "1\n");
        one.put("names.csv", "a");
        one.put("gone.csv", "a");
        one.files.push("r", 0).await.unwrap();
        let pushed = objects.list("p").await.unwrap().len();
        one.files.push("r", 0).await.unwrap();
        assert_eq!(objects.list("p").await.unwrap().len(), pushed);
        // The run went on where it was, with another file of the same length.
        one.add("deep/lines.jsonl", "2\n");
        one.put("names.csv", "b");
        std::fs::remove_file(one.path("gone.csv")).unwrap();
        one.files.push("r", 0).await.unwrap();
        assert_eq!(one.read("deep/lines.jsonl"), "1\n2\n");
        let two = Machine::new(&objects);
        two.files.restore("r").await.unwrap();
        assert_eq!(
            (two.read("deep/lines.jsonl"), two.read("names.csv")),
            ("1\n2\n".into(), "b".into())
        );
        assert!(!two.path("gone.csv").exists());
        // A holder goes on from there, and a machine that has nothing of the run takes nothing away.
        two.add("deep/lines.jsonl", "3\n");
        two.files.keep_new("r", 1).await.unwrap();
        Machine::new(&objects).files.push("r", 1).await.unwrap();
        let three = Machine::new(&objects);
        three.files.restore("r").await.unwrap();
        assert_eq!(three.read("deep/lines.jsonl"), "1\n2\n3\n");
    }

    #[tokio::test]
    async fn artifacts_are_fetched_from_wherever_they_were_written() {
        let objects = Arc::new(Memory::new(Clock::system()));
        let (one, two) = (Machine::new(&objects), Machine::new(&objects));
        one.put("names.csv", "a");
        one.files.keep_new("r", 1).await.unwrap();
        let backup = one.folder.path().join("backup");
        std::fs::create_dir_all(backup.join("deep")).unwrap();
        std::fs::write(backup.join("deep/0.parquet"), "records").unwrap();
        std::fs::write(backup.join("snapshot.json"), "{}").unwrap();
        let artifact = |path: &Path, kept| Artifact {
            name: "n".into(),
            path: path.display().to_string(),
            records: 1,
            kept,
            written: None,
        };
        assert_eq!(one.files.keep("r", &one.path("names.csv")).await.unwrap(), None);
        let kept = one.files.keep("r", &backup).await.unwrap();
        let to = two.folder.path().join("got");
        two.files.fetch("r", &artifact(&one.path("names.csv"), None), &to.join("n")).await.unwrap();
        assert_eq!(std::fs::read_to_string(to.join("n")).unwrap(), "a");
        two.files.fetch("r", &artifact(&backup, kept), &to.join("b")).await.unwrap();
        assert_eq!(std::fs::read_to_string(to.join("b/deep/0.parquet")).unwrap(), "records");
        let unknown = two.files.fetch("r", &artifact(&one.path("x"), None), &to).await;
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
