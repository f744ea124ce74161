//! YAML's tags: those of its core schema are followed, all others are mistakes.

use serde_saphyr::granit_parser::Tag;

use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::node::Style;
use super::super::source::Region;
use super::Composer;

impl Composer<'_> {
    /// Returns how a scalar with this tag is to be read: `!!str` makes it text, as quotes do.
    pub(super) fn tagged(&mut self, tag: Option<&Tag>, style: Style, region: Region) -> Style {
        let Some(tag) = tag else { return style };
        match (tag.core_suffix(), is_bare(tag)) {
            (Some("str"), _) | (_, true) => Style::Quoted,
            (Some("int" | "float" | "bool" | "null"), _) => Style::Plain,
            _ => {
                self.refuse(tag, region);
                Style::Broken
            }
        }
    }

    /// Refuses the tag of a list or mapping, unless it says just that it is one.
    pub(super) fn untagged(&mut self, tag: Option<&Tag>, kind: &str, region: Region) {
        let Some(tag) = tag else { return };
        if tag.core_suffix() != Some(kind) && !is_bare(tag) {
            self.refuse(tag, region);
        }
    }

    fn refuse(&mut self, tag: &Tag, region: Region) {
        let written = format!("{}{}", tag.original_handle(), tag.suffix());
        let before = self.text.get(..region.start).unwrap_or_default();
        // The parser's region is the value's; the tag stands before it.
        let region = match before.rfind(&written) {
            Some(at) => Region { start: at, end: at + written.len(), ..region },
            None => region,
        };
        let message = format!("`{written}` is a YAML tag, and a plan knows none");
        let diagnostic = Diagnostic::new(&codes::UNKNOWN_TAG, region, message);
        self.found.push(match written.trim_start_matches('!') {
            "secret" | "vault" | "env" | "env_var" | "ENV" => {
                diagnostic.help("a secret is `{ env: NAME }` or `{ file: PATH }`; other values are read with `{{ env.NAME }}`")
            }
            "include" | "reference" => diagnostic.help("a plan is laid over another with `extends:`"),
            _ if written.starts_with("!!") => diagnostic.help("leave the tag out"),
            _ => diagnostic.help(format!("text that starts with `!` needs quotes: \"{written}\"")),
        });
    }
}

/// Returns whether the tag is `!` alone, which takes the value behind it as it is written.
fn is_bare(tag: &Tag) -> bool {
    tag.suffix().is_empty() || (tag.suffix() == "!" && tag.handle().is_empty())
}
