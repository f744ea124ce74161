//! Diagnostics: what is wrong with a plan, and where.

use std::sync::Arc;

use serde::Serialize;

use super::Place;
use super::codes::{Code, Level};
use super::source::{Region, Sources};

/// One mistake: a stable code, a sentence, a place, and advice.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// The stable code, for example `V020`; `vecshift explain V020` says more.
    pub code: &'static str,
    /// The code's name, for example `unknown-key`.
    pub name: &'static str,
    pub level: Level,
    /// The mistake, in one sentence without a full stop.
    pub message: String,
    pub place: Place,
    /// Words shown under the caret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Other places that matter, for example the first of two equal keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// Facts that help to understand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Advice on what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(skip)]
    pub(crate) region: Region,
}

/// A second place of a diagnostic.
#[derive(Clone, Debug, Serialize)]
pub struct Related {
    pub message: String,
    pub place: Place,
    #[serde(skip)]
    pub(crate) region: Region,
}

impl Diagnostic {
    pub(crate) fn new(code: &'static Code, region: Region, message: impl Into<String>) -> Self {
        Self {
            code: code.code,
            name: code.name,
            level: code.level,
            message: message.into(),
            place: Place::default(),
            label: None,
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
            region,
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" as the label if a near word is given.
    pub(crate) fn suggest(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => self.label(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Adds a note on the characters of a word that only look like those of the plan language.
    pub(crate) fn spelt(self, word: &str) -> Self {
        let odd = |one: char| match one.is_alphabetic() {
            true => format!("`{one}` is U+{:04X}", u32::from(one)),
            false => format!("it holds U+{:04X}", u32::from(one)),
        };
        match word.chars().find(|one| !one.is_ascii()) {
            Some(one) => self.note(format!("{}: words of a plan are ASCII", odd(one))),
            None => self,
        }
    }

    pub(crate) fn related(mut self, region: Region, message: impl Into<String>) -> Self {
        self.related.push(Related { message: message.into(), place: Place::default(), region });
        self
    }

    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

/// All mistakes found, in the order of the files, with the texts that are needed to show them.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    sources: Arc<Sources>,
}

impl Diagnostics {
    pub(crate) fn new(mut list: Vec<Diagnostic>, sources: Arc<Sources>) -> Self {
        for diagnostic in &mut list {
            diagnostic.place = sources.place(diagnostic.region);
            for related in &mut diagnostic.related {
                related.place = sources.place(related.region);
            }
        }
        list.sort_by_key(|diagnostic| {
            (diagnostic.region.file, diagnostic.region.start, diagnostic.code)
        });
        Self { list, sources }
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Counts them: `2 errors and 1 warning`.
    pub fn summary(&self) -> String {
        let errors = self.list.iter().filter(|diagnostic| diagnostic.is_error()).count();
        let warnings = self.list.len() - errors;
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        match (errors, warnings) {
            (0, 0) => "no errors".into(),
            (errors, 0) => count(errors, "error"),
            (0, warnings) => count(warnings, "warning"),
            (errors, warnings) => {
                format!("{} and {}", count(errors, "error"), count(warnings, "warning"))
            }
        }
    }

    /// Returns the list as JSON: `[{code, name, level, message, place: {file, line, column}, …}]`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.list).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Shows one diagnostic a line, as in `plan.yaml:3:1: V020 unknown key …`; [`Diagnostics::render`] shows the source
/// too.
impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            let Diagnostic { code, message, place, .. } = diagnostic;
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{}:{}:{}: {code} {message}", place.file, place.line, place.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Returns the word of `words` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    words
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count().max(3) / 3).min(3))
        .min_by_key(|(distance, candidate)| (*distance, letters(candidate) != letters(&lower)))
        .map(|(_, candidate)| candidate)
}

/// Returns the letters in order: equal for words that differ by a transposition only.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<_> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

/// Returns `a, b or c`, each in backquotes.
pub(crate) fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("souce", ["source", "target"]), Some("source"));
        assert_eq!(nearest("verfiy", ["verify", "copy"]), Some("verify"));
        assert_eq!(nearest("p59", ["p50", "p95", "p99"]), Some("p95"));
        assert_eq!(nearest("banana", ["source", "target"]), None);
    }
}
