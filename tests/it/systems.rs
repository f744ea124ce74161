//! The words of a system stay in its own folders: what everybody uses names none.

use std::path::{Path, PathBuf};

/// Where Pinecone's words belong: its connector, its wire and its emulator.
const AT_HOME: [&str; 3] = ["provider/pinecone/", "pinecone_wire/", "emulator/"];

const WORDS: [&str; 6] = ["Pod", "Serverless", "top_k", "lsn", "Pinecone", "pinecone"];

/// Words of what a user reads. A comment may name them as an example.
const SAID: [&str; 3] = ["pod", "pods", "serverless"];

/// The list of systems, which has the folder of each.
const LISTS: [&str; 2] = ["provider/mod.rs", "provider/registry.rs"];

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

/// Returns what counts of a file: its tests may be about any system, and a serde name is what plans and journals say.
fn counted(name: &str, text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_serde = |line: &&str| line.trim_start().starts_with("#[serde(");
    let mut text: String =
        text.lines().filter(|line| !is_serde(line)).flat_map(|line| [line, "\n"]).collect();
    if LISTS.contains(&name) {
        text = text.replace("pinecone", "").replace("Pinecone", "");
    }
    // Messages about a plan quote its key.
    if name.starts_with("plan/") {
        text =
            text.replace("`top_k: {k}`", "").replace("/top_k\"", "").replace("serverless: {", "");
    }
    text
}

/// Returns the lines that are no comments.
fn code(text: &str) -> String {
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    text.lines().filter(|line| !is_comment(line)).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn no_other_file_uses_the_words_of_a_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut using, mut files) = (Vec::new(), Vec::new());
    sources(&root, &mut files);
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let is_at_home = AT_HOME.iter().any(|home| name.starts_with(home));
        let text = counted(&name, &std::fs::read_to_string(path).unwrap());
        if !is_at_home {
            let code = code(&text);
            let named = WORDS.iter().filter(|word| has_word(&text, word));
            let said = SAID.iter().filter(|word| has_word(&code, word));
            using.extend(named.chain(said).map(|word| format!("{name}: {word}")));
        }
    }
    using.sort();
    assert!(using.is_empty(), "these use words of Pinecone's: {using:#?}");
}
