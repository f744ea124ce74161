//! Short sentences, so that records have text to read and filters have words to find.

use rand::Rng;

const SUBJECTS: [&str; 8] = [
    "The garden",
    "A letter",
    "Our team",
    "The old map",
    "This song",
    "The recipe",
    "A train",
    "The lesson",
];
const VERBS: [&str; 8] =
    ["explains", "remembers", "changes", "describes", "leads to", "answers", "repeats", "follows"];
const OBJECTS: [&str; 8] = [
    "the first winter",
    "a quiet street",
    "the long way home",
    "an open question",
    "the plan for spring",
    "a promise kept",
    "the river crossing",
    "yesterday's talk",
];

/// Words a record may be tagged with.
pub(super) const TAGS: [&str; 8] =
    ["family", "work", "travel", "music", "health", "money", "food", "study"];

/// Kinds a record may be of.
pub(super) const KINDS: [&str; 4] = ["memory", "fact", "message", "reflection"];

pub(super) fn pick<'a>(random: &mut impl Rng, words: &[&'a str]) -> &'a str {
    words[random.next_u64() as usize % words.len()]
}

/// Draws one to four sentences.
pub(super) fn text(random: &mut impl Rng) -> String {
    let sentences = 1 + random.next_u64() % 4;
    let sentence = |random: &mut _| {
        format!("{} {} {}.", pick(random, &SUBJECTS), pick(random, &VERBS), pick(random, &OBJECTS))
    };
    (0..sentences).map(|_| sentence(random)).collect::<Vec<_>>().join(" ")
}
