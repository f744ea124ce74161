//! The files that a run writes on its machine, kept for whoever goes on from another one.
//!
//! What is new in the run's folder is written before each segment, so that what an event counts or names is there before the
//! event. A file that has grown is kept by its end alone. The newest of a file is its last group that is whole, and what
//! groups after it put behind that: a holder that died while it wrote leaves a group that is not.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::asking::{Asking, OUTAGE, Settled};
use super::json::damaged;
use super::layout::Layout;
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement, is_partial};
use crate::journal::Artifact;
use crate::state::{below_artifacts, new_id};
use crate::storage::objects::Listed;

/// The most bytes of one object.
const PIECE: u64 = 8 << 20;
/// The file that says up to which group this machine's folder is what is kept.
const MARK: &str = ".kept";

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
    files: BTreeMap<String, File>,
    /// The number of the last group of this process.
    groups: u64,
}

/// A file as it is kept.
#[derive(Clone, Debug, PartialEq)]
struct File {
    bytes: u64,
    /// When it was last changed and which file it was; `None` if an earlier process kept it.
    seen: Option<(SystemTime, u64)>,
}

/// A part of a file in the bucket: `…/<epoch>-<group>/<offset>-<total>/<path>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    group: String,
    offset: u64,
    /// The bytes of the file once its group is whole.
    total: u64,
    path: String,
    key: String,
    bytes: u64,
}

impl Files {
    pub fn new(asking: Asking, layout: Layout, folder: PathBuf, clock: Clock) -> Self {
        Self { asking, layout, folder, clock, known: Mutex::default() }
    }

    fn folder_of(&self, run: &str) -> PathBuf {
        self.folder.join("artifacts").join(run)
    }

    /// Keeps what is new in the folder of a run.
    ///
    /// # Errors
    /// Those of the disk and of the bucket; `Unavailable` where that stays away.
    pub async fn keep_new(&self, run: &str, epoch: u64) -> Result<()> {
        let mut known = self.known.lock().await;
        if known.run != run {
            *known = Known { run: run.to_owned(), ..Known::default() };
        }
        let folder = self.folder_of(run);
        let there = {
            let folder = folder.clone();
            blocking(move || scan(&folder)).await?
        };
        let mut last = None;
        for (path, file) in there {
            let old = known.files.get(&path);
            if old.is_some_and(|old| old.is_same(&file)) {
                continue;
            }
            let from = old.map_or(0, |old| kept_of(old, &file));
            known.groups += 1;
            let group = format!("{epoch:08}-{:08}", known.groups);
            self.put(run, &group, (&folder, &path), from..file.bytes).await?;
            known.files.insert(path, file);
            last = Some(group);
        }
        match last {
            Some(group) => mark(&folder, group).await,
            None => Ok(()),
        }
    }

    /// Writes a group: the bytes of a file from where it has grown.
    async fn put(
        &self,
        run: &str,
        group: &str,
        (folder, path): (&Path, &str),
        bytes: std::ops::Range<u64>,
    ) -> Result<()> {
        let mut offset = bytes.start;
        loop {
            let end = bytes.end.min(offset + PIECE);
            let file = folder.join(path);
            let piece = blocking(move || read_piece(&file, offset, end)).await?;
            let name = format!("{group}/{offset:016}-{:016}/{path}", bytes.end);
            let key = format!("{}/{name}", self.layout.files(run));
            if let Settled::Another(_) = self.asking.settle(&key, &piece, OUTAGE).await? {
                return Err(damaged(format!("`{key}` was written by somebody else")));
            }
            offset = end;
            if offset >= bytes.end {
                return Ok(());
            }
        }
    }

    /// Brings the files of a run to this machine, unless its folder has what is kept.
    ///
    /// # Errors
    /// Those of the disk and of the bucket.
    pub async fn restore(&self, run: &str) -> Result<()> {
        let mut known = self.known.lock().await;
        let parts = self.parts(run).await?;
        let folder = self.folder_of(run);
        let newest = parts.iter().map(|part| part.group.clone()).max();
        let is_here = newest.is_none() || marked(&folder) == newest;
        let groups = if known.run == run { known.groups } else { 0 };
        *known = Known { run: run.to_owned(), groups, ..Known::default() };
        for (path, pieces) in newest_of(parts) {
            let bytes = pieces.iter().map(|(_, bytes)| bytes).sum();
            if !is_here {
                self.write(&folder.join(&path), &pieces).await?;
            }
            known.files.insert(path, File { bytes, seen: None });
        }
        match newest {
            Some(group) if !is_here => mark(&folder, group).await,
            _ => Ok(()),
        }
    }

    /// Writes a file as it is kept.
    async fn write(&self, to: &Path, pieces: &[(String, u64)]) -> Result<()> {
        let cannot = |error| Error::io(format!("cannot write {}", to.display()), error);
        let mut file = Replacement::begin(to, Access::Usual).map_err(cannot)?;
        for (key, bytes) in pieces {
            let read = self.asking.read(key).await?.ok_or_else(|| gone(key))?;
            let used = usize::try_from(*bytes).unwrap_or(usize::MAX).min(read.bytes.len());
            file.write_all(&read.bytes[..used]).map_err(cannot)?;
        }
        blocking({
            let to = to.to_owned();
            move || {
                file.commit()
                    .map_err(|error| Error::io(format!("cannot write {}", to.display()), error))
            }
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
        if let Some(key) = &artifact.kept {
            let listed = self.asking.list(key).await?;
            if listed.is_empty() {
                return self.asking.download(key, to).await;
            }
            for one in listed {
                let below = one.key.strip_prefix(key.as_str()).unwrap_or(&one.key);
                self.asking.download(&one.key, &to.join(below.trim_start_matches('/'))).await?;
            }
            return Ok(());
        }
        // Its path is that of the machine that wrote it.
        let path = artifact.path.replace('\\', "/");
        let below = below_artifacts(&path, run).unwrap_or(&path);
        let files = newest_of(self.parts(run).await?);
        match files.get(below) {
            Some(pieces) => self.write(to, pieces).await,
            None => Err(gone(&artifact.path)),
        }
    }
}

impl File {
    /// Returns whether this is kept as it is there; of a file that an earlier process kept, its length has to do.
    fn is_same(&self, there: &Self) -> bool {
        self.bytes == there.bytes && (self.seen.is_none() || self.seen == there.seen)
    }
}

impl Part {
    fn read(below: &str, listed: Listed) -> Option<Self> {
        let name = listed.key.strip_prefix(below)?.trim_start_matches('/');
        let mut words = name.splitn(3, '/');
        let (group, place, path) = (words.next()?, words.next()?, words.next()?);
        let (offset, total) = place.split_once('-')?;
        Some(Self {
            group: group.to_owned(),
            offset: offset.parse().ok()?,
            total: total.parse().ok()?,
            path: path.to_owned(),
            bytes: listed.bytes,
            key: listed.key,
        })
    }
}

/// Returns what makes up the newest of each file: keys in order, each with the bytes that count of it.
fn newest_of(parts: Vec<Part>) -> BTreeMap<String, Vec<(String, u64)>> {
    let mut groups: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.path.clone(), part.group.clone())).or_default().push(part);
    }
    let mut files: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for ((path, _), parts) in groups {
        let Some(first) = parts.first().cloned() else { continue };
        let end = parts.iter().try_fold(first.offset, |at, part| {
            (part.offset == at).then_some(part.offset + part.bytes)
        });
        let pieces = files.entry(path).or_default();
        let length: u64 = pieces.iter().map(|(_, bytes)| bytes).sum();
        // Not whole, or behind something that is not there.
        if end != Some(first.total) || first.offset > length {
            continue;
        }
        cut(pieces, first.offset);
        pieces.extend(parts.into_iter().map(|part| (part.key, part.bytes)));
    }
    files.retain(|_, pieces| !pieces.is_empty());
    files
}

/// Leaves the first bytes of a file.
fn cut(pieces: &mut Vec<(String, u64)>, length: u64) {
    let mut left = length;
    pieces.retain_mut(|(_, bytes)| {
        *bytes = left.min(*bytes);
        left -= *bytes;
        *bytes > 0
    });
}

/// Returns how much of a changed file is kept: all of before where it has only grown, or nothing.
fn kept_of(old: &File, new: &File) -> u64 {
    let is_same_file = match (old.seen, new.seen) {
        (Some((_, old)), Some((_, new))) => old == new,
        _ => true,
    };
    if is_same_file && new.bytes > old.bytes { old.bytes } else { 0 }
}

/// Lists the files of a folder that are whole, by their paths below it.
fn scan(folder: &Path) -> Result<BTreeMap<String, File>> {
    let cannot = |error| Error::io(format!("cannot read {}", folder.display()), error);
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(cannot(error)),
        };
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{below}{name}");
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot(error)),
            };
            if metadata.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else if metadata.is_file() && !is_partial(&name) && name != MARK {
                let modified = metadata.modified().map_err(cannot)?;
                let seen = Some((modified, identity(&metadata)));
                found.insert(path, File { bytes: metadata.len(), seen });
            }
        }
    }
    Ok(found)
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> u64 {
    0
}

fn read_piece(path: &Path, from: u64, to: u64) -> Result<Bytes> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut file = std::fs::File::open(path).map_err(cannot)?;
    file.seek(SeekFrom::Start(from)).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(to - from).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 != to - from {
        let message = format!("{} became shorter while it was read", path.display());
        return Err(Error::new(ErrorKind::Io, message));
    }
    Ok(bytes.into())
}

/// Notes up to which group the folder is what is kept.
async fn mark(folder: &Path, group: String) -> Result<()> {
    let path = folder.join(MARK);
    blocking(move || {
        crate::fs::replace(&path, group.as_bytes(), Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    })
    .await
}

fn marked(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join(MARK)).ok()
}

fn gone(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{what}` is not kept with the state of its run"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::storage::objects::{Memory, Objects as _};

    fn part(group: &str, offset: u64, total: u64, bytes: u64) -> Part {
        let key = format!("{group}/{offset}");
        Part { group: group.into(), offset, total, path: "f".into(), key, bytes }
    }

    fn newest(parts: &[Part]) -> Vec<(String, u64)> {
        newest_of(parts.to_vec()).remove("f").unwrap_or_default()
    }

    #[test]
    fn a_file_is_its_last_whole_group_and_what_was_put_behind_it() {
        let whole = [part("1", 0, 8, 5), part("1", 5, 8, 3)];
        let is = |parts: &[Part]| {
            newest(parts)
                .iter()
                .map(|(key, bytes)| format!("{key}:{bytes}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(is(&whole), "1/0:5 1/5:3");
        let grown = [&whole[..], &[part("2", 8, 10, 2)]].concat();
        assert_eq!(is(&grown), "1/0:5 1/5:3 2/8:2");
        // Another holder goes on from less than the first one kept.
        let cut = [&grown[..], &[part("3", 6, 9, 3)]].concat();
        assert_eq!(is(&cut), "1/0:5 1/5:1 3/6:3");
        let anew = [&grown[..], &[part("3", 0, 4, 4)]].concat();
        assert_eq!(is(&anew), "3/0:4");
    }

    #[test]
    fn a_group_that_is_not_whole_or_behind_nothing_does_not_count() {
        let old = part("1", 0, 4, 4);
        assert_eq!(newest(&[old.clone(), part("2", 0, 9, 5)]), [("1/0".to_owned(), 4)]);
        assert_eq!(newest(&[old.clone(), part("2", 6, 9, 3)]), [("1/0".to_owned(), 4)]);
        assert_eq!(newest(&[old, part("2", 0, 9, 5), part("2", 6, 9, 3)]), [("1/0".to_owned(), 4)]);
    }

    #[test]
    fn only_what_a_file_has_grown_by_is_kept_again() {
        let at = |bytes, seconds, file| File {
            bytes,
            seen: Some((SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds), file)),
        };
        assert_eq!(kept_of(&at(5, 1, 7), &at(9, 2, 7)), 5);
        assert_eq!(kept_of(&at(5, 1, 7), &at(9, 2, 8)), 0);
        assert_eq!(kept_of(&at(5, 1, 7), &at(5, 2, 7)), 0);
        assert_eq!(kept_of(&at(5, 1, 7), &at(4, 2, 7)), 0);
        assert_eq!(kept_of(&File { bytes: 5, seen: None }, &at(9, 2, 7)), 5);
    }

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
        assert_eq!(bytes_in(&objects).await, [2, 1]);
        one.add("deep/lines.jsonl", "2\n3\n");
        one.put("names.csv", "b");
        one.files.keep_new("r", 1).await.unwrap();
        assert_eq!(bytes_in(&objects).await, [2, 1, 4, 1]);
        two.files.restore("r").await.unwrap();
        assert_eq!(two.read("deep/lines.jsonl"), "1\n2\n3\n");
        assert_eq!(two.read("names.csv"), "b");
        // It goes on there.
        two.add("deep/lines.jsonl", "4\n");
        two.files.keep_new("r", 2).await.unwrap();
        // The first machine comes back with what was new there when it was killed, and counted nowhere.
        one.add("deep/lines.jsonl", "lost\n");
        let one = one.restarted(&objects);
        one.files.restore("r").await.unwrap();
        assert_eq!(one.read("deep/lines.jsonl"), "1\n2\n3\n4\n");
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
