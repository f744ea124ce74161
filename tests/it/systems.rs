//! The words of a system stay in its own folders: what everybody uses names none.

use std::path::{Path, PathBuf};

/// Where Pinecone's words belong: its connector, its wire and its emulator.
const AT_HOME: [&str; 3] = ["provider/pinecone/", "pinecone_wire/", "emulator/"];

const WORDS: [&str; 6] = ["Pod", "Serverless", "top_k", "lsn", "Pinecone", "pinecone"];

/// Files that still use such words. A clean file is taken off the list; none is added.
const LEFT: [&str; 40] = [
    "cli/command/emulate.rs",
    "cli/command/mod.rs",
    "copy/adopt.rs",
    "copy/export.rs",
    "copy/pipeline.rs",
    "copy/transform.rs",
    "copy/writer.rs",
    "model/checkpoint.rs",
    "model/filter.rs",
    "model/id.rs",
    "model/record.rs",
    "plan/check/assertions/reach.rs",
    "plan/codes/file.rs",
    "plan/codes/meaning.rs",
    "plan/codes/value.rs",
    "plan/difference.rs",
    "plan/file/canary.rs",
    "plan/file/copy.rs",
    "plan/file/rehearsal.rs",
    "plan/file/verify.rs",
    "plan/source.rs",
    "provider/files/mod.rs",
    "provider/mod.rs",
    "provider/parquet/layout.rs",
    "provider/parquet/mod.rs",
    "provider/parquet/read.rs",
    "provider/registry.rs",
    "run/context/guard/table.rs",
    "run/price.rs",
    "run/stage/audit/mod.rs",
    "run/stage/canary/mod.rs",
    "run/stage/resource.rs",
    "run/route/ways.rs",
    "run/sample/queries.rs",
    "run/stage/verify/freshness.rs",
    "run/stage/verify/groups.rs",
    "run/stage/verify/queries.rs",
    "store/calls/retry.rs",
    "traffic/overlap.rs",
    "traffic/probe.rs",
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Returns whether a text has a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_inner) && !text[at + word.len()..].starts_with(is_inner)
    })
}

#[test]
fn no_other_file_uses_the_words_of_a_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut using, mut files) = (Vec::new(), Vec::new());
    sources(&root, &mut files);
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let is_at_home = AT_HOME.iter().any(|home| name.starts_with(home));
        let text = std::fs::read_to_string(&path).unwrap();
        if !is_at_home && WORDS.iter().any(|word| has_word(&text, word)) {
            using.push(name);
        }
    }
    using.sort();
    let new: Vec<_> = using.iter().filter(|name| !LEFT.contains(&name.as_str())).collect();
    let clean: Vec<_> = LEFT.iter().filter(|name| !using.iter().any(|one| one == *name)).collect();
    assert!(new.is_empty(), "these use words of Pinecone's: {new:#?}");
    assert!(clean.is_empty(), "these are clean: take them off the list: {clean:#?}");
}
