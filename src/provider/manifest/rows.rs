//! The rows of one file, in order: CSV, JSON lines or Parquet by its extension.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::super::parquet;
use crate::error::{Error, Result};

/// Longest line of a JSON lines manifest.
const LINE_BYTES: u64 = 1024 * 1024;

/// Namespace and id of each row.
pub(super) type Rows = parquet::Pairs;

/// Opens a file.
///
/// # Errors
/// `NotFound` if there is none; `Invalid` if its extension is unknown or a named column is missing.
pub(super) fn rows(path: &Path, columns: Columns) -> Result<Rows> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("csv") => csv_rows(path, &columns),
        Some("jsonl" | "ndjson") => json_rows(path, columns),
        Some("parquet" | "parq" | "pq") => parquet_rows(path, &columns),
        _ => Err(Error::invalid("the ending must be .csv, .jsonl or .parquet")),
    }
}

/// The columns to read.
#[derive(Clone)]
pub(super) struct Columns {
    pub id: String,
    pub namespace: String,
    pub needs_namespace: bool,
}

impl Columns {
    /// Checks that a file has the columns that are wanted.
    fn check(&self, has: &[&str]) -> Result<()> {
        for (name, is_needed) in [(&self.id, true), (&self.namespace, self.needs_namespace)] {
            if is_needed && !has.contains(&name.as_str()) {
                let message = format!("there is no column `{name}`; there are: {}", has.join(", "));
                return Err(Error::invalid(message).with_hint(
                    "name the column in the plan: `manifest: { file: …, id: …, namespace: … }`",
                ));
            }
        }
        Ok(())
    }
}

fn file(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| Error::io("cannot open the manifest", error))
}

fn csv_rows(path: &Path, columns: &Columns) -> Result<Rows> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file(path)?));
    let headers = reader.headers().map_err(bad_csv)?.clone();
    columns.check(&headers.iter().collect::<Vec<_>>())?;
    let at = |name: &str| headers.iter().position(|header| header == name);
    let (id, namespace) = (at(&columns.id), at(&columns.namespace));
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(bad_csv)?;
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).map(str::to_owned);
        Ok((field(namespace), field(id)))
    })))
}

fn bad_csv(error: csv::Error) -> Error {
    Error::invalid("the CSV cannot be read").with_source(error)
}

fn json_rows(path: &Path, columns: Columns) -> Result<Rows> {
    let mut reader = BufReader::new(file(path)?);
    let mut line = Vec::new();
    Ok(Box::new(std::iter::from_fn(move || {
        loop {
            line.clear();
            let read = (&mut reader).take(LINE_BYTES + 1).read_until(b'\n', &mut line);
            match read {
                Ok(0) => return None,
                Ok(read) if read as u64 > LINE_BYTES => {
                    return Some(Err(Error::invalid("the line is longer than 1 MiB")));
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(json_row(&line, &columns)),
                Err(error) => return Some(Err(Error::io("cannot read the manifest", error))),
            }
        }
    })))
}

fn json_row(line: &[u8], columns: &Columns) -> Result<(Option<String>, Option<String>)> {
    let row: serde_json::Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| Error::invalid("the line is not a JSON object").with_source(error))?;
    if columns.needs_namespace && !row.contains_key(&columns.namespace) {
        return Err(Error::invalid(format!("there is no `{}`", columns.namespace)));
    }
    let text = |name: &str| match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
        Some(_) => Err(Error::invalid(format!("`{name}` is neither text nor a whole number"))),
    };
    Ok((text(&columns.namespace)?, text(&columns.id)?))
}

fn parquet_rows(path: &Path, columns: &Columns) -> Result<Rows> {
    let reader = parquet::PairReader::open(path)?;
    columns.check(&reader.columns())?;
    reader.rows([&columns.namespace, &columns.id])
}
