//! The texts a plan was read from, and regions in them.

use super::Place;

/// A stretch of bytes in one of the plan's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Region {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

impl Region {
    /// Returns the stretch from `start` to `end`, both counted from the start of this one.
    pub fn part(self, start: usize, end: usize) -> Self {
        Self { start: self.start + start, end: self.start + end, ..self }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub name: String,
    pub text: String,
}

/// The plan file, and the one it extends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: String) -> usize {
        self.files.push(SourceFile { name: name.into(), text });
        self.files.len() - 1
    }

    pub fn file(&self, file: usize) -> Option<&SourceFile> {
        self.files.get(file)
    }

    pub fn text(&self, region: Region) -> &str {
        self.file(region.file)
            .and_then(|file| file.text.get(region.start..region.end))
            .unwrap_or_default()
    }

    /// Returns line and column of the region's first character, counted from 1.
    pub fn place(&self, region: Region) -> Place {
        let Some(file) = self.file(region.file) else { return Place::default() };
        let before = file.text.get(..region.start).unwrap_or(&file.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            file: file.name.clone(),
            line: number(before.matches('\n').count() + 1),
            column: number(before[line_start..].chars().count() + 1),
        }
    }
}

impl Sources {
    /// Overwrites a text with `*`, at its region and wherever else it stands. Nothing moves.
    pub fn hide(&mut self, text: &str, region: Region) {
        if let Some(file) = self.files.get_mut(region.file) {
            file.hide(region.start, region.end);
        }
        for file in self.files.iter_mut().filter(|_| text.trim().len() >= 6) {
            let places: Vec<_> = file.text.match_indices(text).map(|(at, _)| at).collect();
            places.into_iter().for_each(|at| file.hide(at, at + text.len()));
        }
    }

    /// Overwrites whatever looks like a key that begins so, wherever it stands.
    pub fn hide_keys(&mut self, prefix: &str) {
        for file in &mut self.files {
            let places: Vec<_> = file.text.match_indices(prefix).map(|(at, _)| at).collect();
            for at in places {
                let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                let rest = file.text[at..].find(|c| !is_key(c)).unwrap_or(file.text.len() - at);
                file.hide(at, at + rest);
            }
        }
    }
}

impl SourceFile {
    fn hide(&mut self, start: usize, end: usize) {
        let Some(hidden) = self.text.get(start..end) else { return };
        let stars: String = hidden
            .chars()
            .flat_map(|c| std::iter::repeat_n(if c.is_whitespace() { c } else { '*' }, stars(c)))
            .collect();
        self.text.replace_range(start..end, &stars);
    }
}

/// Counts the bytes of a character, to put as many stars in its place; white space stays what it is.
fn stars(c: char) -> usize {
    if c.is_whitespace() { 1 } else { c.len_utf8() }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("plan.yaml", "a: 1\nbé: 2\n".into());
        let place = sources.place(Region { file, start: 10, end: 11 });
        assert_eq!((place.line, place.column), (2, 5));
    }
}
