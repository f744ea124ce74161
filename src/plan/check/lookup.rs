//! The tables that templates look up by namespace: CSV files, read together with the plan.

use std::collections::BTreeMap;

use super::super::codes;
use super::super::diagnostic::nearest;
use super::super::file::Lookup;
use super::context::Context;

/// Key to value.
pub(super) type Rows = BTreeMap<String, String>;

/// Reads the rows of a lookup's file; `None` if it cannot be read, which is reported.
pub(super) fn rows(context: &mut Context<'_>, pointer: &str, lookup: &Lookup) -> Option<Rows> {
    let at = format!("{pointer}/file");
    if context.is_tainted(&at) {
        return None;
    }
    let path = context.base.join(&lookup.file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("the lookup's file `{}` cannot be read", lookup.file);
            let note = format!("`{}`: {error}", path.display());
            context.report_with(&codes::BAD_LOOKUP, &at, message, |d| d.note(note));
            return None;
        }
    };
    // Spreadsheets write this mark in front of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::None).from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let is_one = header.len() == 1 && header.iter().any(|column| column.contains([';', '\t']));
    if is_one {
        let message = format!("the cells of `{}` are not separated by commas", lookup.file);
        let note = format!("its first line is `{}`", header.get(0).unwrap_or_default());
        context.report_with(&codes::BAD_LOOKUP, &at, message, |d| d.note(note));
        return None;
    }
    let key = column(context, pointer, "key", &lookup.key, &header);
    let value = column(context, pointer, "value", &lookup.value, &header);
    let mut table =
        Table { context, at: &at, file: &lookup.file, rows: Rows::new(), trimmed: None };
    let (key, value) = (key?, value?);
    for (index, record) in reader.records().enumerate() {
        let line = record.as_ref().ok().and_then(|row| row.position()).map(csv::Position::line);
        let line = line.unwrap_or(index as u64 + 2);
        match record.as_ref().ok().and_then(|row| Some((row.get(key)?, row.get(value)?))) {
            Some((key, value)) => table.row(line, key, value),
            None => {
                table
                    .report(format!("line {line} of `{}` is not a row of this table", lookup.file));
                return None;
            }
        }
    }
    Some(table.finish())
}

struct Table<'t, 'c> {
    context: &'t mut Context<'c>,
    at: &'t str,
    file: &'t str,
    rows: Rows,
    /// First line with white space around a cell.
    trimmed: Option<u64>,
}

impl Table<'_, '_> {
    fn row(&mut self, line: u64, key: &str, value: &str) {
        let (bare_key, bare_value) = (key.trim(), value.trim());
        if (bare_key, bare_value) != (key, value) {
            self.trimmed.get_or_insert(line);
        }
        let (file, at) = (self.file, self.at);
        if bare_key.is_empty() {
            let message = format!("line {line} of `{file}` has no key");
            self.context.report_with(&codes::BAD_LOOKUP, at, message, |d| {
                d.help("remove the row; the default namespace is written `__default__`")
            });
        } else if bare_value.is_empty() {
            let message = format!("line {line} of `{file}` has no value for `{bare_key}`");
            self.context.report_with(&codes::BAD_LOOKUP, at, message, |d| {
                d.help("fill it in, or remove the row where this namespace is not copied")
            });
        } else if self.rows.insert(bare_key.to_owned(), bare_value.to_owned()).is_some() {
            self.report(format!("`{file}` has the key `{bare_key}` twice, again in line {line}"));
        }
    }

    fn report(&mut self, message: String) {
        self.context.report(&codes::BAD_LOOKUP, self.at, message);
    }

    fn finish(self) -> Rows {
        let Self { context, at, file, rows, trimmed } = self;
        if let Some(line) = trimmed {
            let message =
                format!("white space around cells of `{file}` is left out, first in line {line}");
            context.report(&codes::TRIMMED, at, message);
        }
        rows
    }
}

fn column(
    context: &mut Context<'_>,
    pointer: &str,
    role: &str,
    name: &str,
    header: &csv::StringRecord,
) -> Option<usize> {
    let pointer = format!("{pointer}/{role}");
    let mut found = header.iter().enumerate().filter(|(_, column)| column.trim() == name);
    let first = found.next().map(|(index, _)| index);
    if found.next().is_some() {
        let message = format!("the table has the column `{name}` twice");
        context.report(&codes::BAD_LOOKUP, &pointer, message);
    }
    if first.is_none() {
        let message = format!("the table has no column `{name}`");
        let columns: Vec<_> = header.iter().map(|column| format!("`{}`", column.trim())).collect();
        let near = nearest(name, header.iter().map(str::trim));
        context.report_with(&codes::BAD_LOOKUP, &pointer, message, |d| {
            d.suggest(near).note(format!("its columns are {}", columns.join(", ")))
        });
    }
    first
}
