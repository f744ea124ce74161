//! Ids from the system of record: CSV, JSON lines or Parquet, read in the file's order and in bounded memory.
//!
//! The ending of the file tells the format. Reading blocks: use `spawn_blocking`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::parquet::{self, BATCH_ROWS, Texts, text_column};
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordId};

/// Longest line of a JSON lines manifest.
const LINE_BYTES: u64 = 1024 * 1024;

/// Which file, and which of its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestOptions {
    pub path: PathBuf,
    /// The column of the namespace; `None` = `namespace`, and where the file lacks that, the default namespace.
    pub namespace: Option<String>,
    /// The column of the id; `None` = `id`.
    pub id: Option<String>,
}

/// One row of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Counts from 1, without a header.
    pub row: u64,
    pub namespace: Namespace,
    pub id: RecordId,
}

/// The ids of one namespace, in file order; a resumed copy skips as many of them as it has done.
///
/// # Errors
/// As [`open`].
pub fn ids_of(
    options: &ManifestOptions,
    namespace: Namespace,
) -> Result<impl Iterator<Item = Result<RecordId>> + Send + use<>> {
    let rows = open(options)?;
    Ok(rows.filter_map(move |entry| match entry {
        Ok(entry) => (entry.namespace == namespace).then_some(Ok(entry.id)),
        Err(error) => Some(Err(error)),
    }))
}

/// How many rows each namespace has.
///
/// # Errors
/// As [`open`], and where any row cannot be read.
pub fn counts(options: &ManifestOptions) -> Result<BTreeMap<Namespace, u64>> {
    let mut counts = BTreeMap::new();
    for entry in open(options)? {
        *counts.entry(entry?.namespace).or_default() += 1;
    }
    Ok(counts)
}

type Rows = Box<dyn Iterator<Item = Result<(Option<String>, Option<String>)>> + Send>;

/// The rows of a manifest, in order.
pub struct Manifest {
    rows: Rows,
    path: PathBuf,
    row: u64,
}

/// Opens a manifest.
///
/// # Errors
/// `NotFound` where there is no file; `Invalid` where its ending is unknown or a named column is missing.
pub fn open(options: &ManifestOptions) -> Result<Manifest> {
    let path = options.path.clone();
    let columns = Columns {
        id: options.id.clone().unwrap_or_else(|| "id".into()),
        namespace: options.namespace.clone().unwrap_or_else(|| "namespace".into()),
        needs_namespace: options.namespace.is_some(),
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let rows = match ending.as_deref() {
        Some("csv") => csv_rows(&path, &columns),
        Some("jsonl" | "ndjson") => json_rows(&path, columns),
        Some("parquet") => parquet_rows(&path, columns),
        _ => Err(Error::invalid("the ending must be .csv, .jsonl or .parquet")),
    };
    let rows = rows.map_err(|error| error.with_context("manifest", path.display()))?;
    Ok(Manifest { rows, path, row: 0 })
}

impl Iterator for Manifest {
    type Item = Result<ManifestEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        self.row += 1;
        let entry = row.and_then(|(namespace, id)| match id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(ManifestEntry {
                row: self.row,
                namespace: Namespace::from(namespace.unwrap_or_default()),
                id: RecordId::from(id),
            }),
            None => Err(Error::invalid("the id is empty")),
        });
        Some(entry.map_err(|error| {
            error.with_context("manifest", self.path.display()).with_context("row", self.row)
        }))
    }
}

struct Columns {
    id: String,
    namespace: String,
    needs_namespace: bool,
}

impl Columns {
    /// Checks what a file has against what is wanted.
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

fn parquet_rows(path: &Path, columns: Columns) -> Result<Rows> {
    let builder = parquet::builder(path)?;
    let schema = builder.schema().clone();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    columns.check(&names)?;
    let wanted = [columns.id.as_str(), columns.namespace.as_str()];
    let roots =
        names.iter().enumerate().filter(|(_, name)| wanted.contains(name)).map(|(at, _)| at);
    let mask = ::parquet::arrow::ProjectionMask::roots(builder.parquet_schema(), roots);
    let path = path.to_owned();
    let batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| parquet::unreadable(&path, error))?;
    let rows = batches.flat_map(move |batch| {
        let batch = batch.map_err(|error| parquet::unreadable(&path, error));
        match batch.and_then(|batch| batch_rows(&batch, &columns)) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    Ok(Box::new(rows))
}

fn batch_rows(
    batch: &arrow_array::RecordBatch,
    columns: &Columns,
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let ids = text_column(batch, &columns.id)?;
    let namespaces = text_column(batch, &columns.namespace)?;
    let text = |texts: &Option<Texts>, row| {
        texts.as_ref().and_then(|texts| texts.get(row)).map(str::to_owned)
    };
    Ok((0..batch.num_rows()).map(|row| (text(&namespaces, row), text(&ids, row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, Vector};

    fn write(name: &str, text: &str) -> (tempfile::TempDir, ManifestOptions) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, ManifestOptions { path, ..Default::default() })
    }

    fn entries(options: &ManifestOptions) -> Vec<(u64, String, String)> {
        open(options)
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| (entry.row, entry.namespace.to_string(), entry.id.to_string()))
            .collect()
    }

    fn last_error(options: &ManifestOptions) -> String {
        open(options).unwrap().last().unwrap().unwrap_err().to_string()
    }

    #[test]
    fn csv_is_read_in_order_with_its_rows() {
        let (_folder, options) = write("m.csv", "namespace,id,x\nn1,\"a,b\",1\n,b,2\n");
        let expected = [(1, "n1".into(), "a,b".into()), (2, "__default__".into(), "b".into())];
        assert_eq!(entries(&options), expected);
    }

    #[test]
    fn one_namespace_is_read_out_of_many() {
        let (_folder, options) = write("m.csv", "namespace,id\na,1\nb,2\na,3\n");
        let ids = ids_of(&options, Namespace::from("a")).unwrap().map(Result::unwrap);
        assert_eq!(ids.collect::<Vec<_>>(), [RecordId::from("1"), RecordId::from("3")]);
        let counts = counts(&options).unwrap();
        assert_eq!((counts[&Namespace::from("a")], counts[&Namespace::from("b")]), (2, 1));
    }

    #[test]
    fn json_lines_take_text_and_whole_numbers() {
        let text = "{\"namespace\":\"n\",\"id\":\"a\"}\n\n{\"id\":42,\"other\":[]}";
        let (_folder, options) = write("m.jsonl", text);
        let expected = [(1, "n".into(), "a".into()), (2, "__default__".into(), "42".into())];
        assert_eq!(entries(&options), expected);
    }

    #[test]
    fn parquet_is_read_without_its_vectors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let mut writer = parquet::RecordWriter::create(&path).unwrap();
        let record = |at: u32| Record {
            id: RecordId::from(format!("r{at}")),
            vector: Vector::from_values([1.0; 8]),
            sparse: None,
            metadata: Metadata::default(),
        };
        let records: Vec<Record> = (0..2_500).map(record).collect();
        writer.append(&Namespace::from("n"), &records).unwrap();
        writer.finish().unwrap();
        let found = entries(&ManifestOptions { path, ..Default::default() });
        assert_eq!(found.len(), 2_500);
        assert_eq!(found[2_499], (2_500, "n".into(), "r2499".into()));
    }

    #[test]
    fn other_columns_can_be_named() {
        let (_folder, mut options) = write("m.csv", "tenant,key\nn,a\n");
        options.namespace = Some("tenant".into());
        options.id = Some("key".into());
        assert_eq!(entries(&options), [(1, "n".into(), "a".into())]);
    }

    #[test]
    fn mistakes_are_told_with_file_and_row() {
        let (_a, options) = write("m.csv", "namespace,id\nn,a\nn,\n");
        let error = last_error(&options);
        assert!(error.contains("id is empty") && error.contains("row: 2"), "{error}");
        assert!(error.contains("m.csv"), "{error}");

        let (_b, options) = write("m.jsonl", "{\"id\":\"a\"}\n{\"id\":1.5}\n");
        assert!(last_error(&options).contains("row: 2"));

        let (_c, options) = write("m.csv", "namespace,id\nn,a\nn\n");
        assert!(last_error(&options).contains("CSV cannot be read"));
    }

    #[test]
    fn a_manifest_that_cannot_be_used_is_refused_at_once() {
        let refused = |options: &ManifestOptions| open(options).err().unwrap();
        let (_a, mut options) = write("m.csv", "namespace,key\nn,a\n");
        assert!(
            refused(&options).to_string().contains("no column `id`; there are: namespace, key")
        );
        options.id = Some("key".into());
        options.namespace = Some("tenant".into());
        assert!(refused(&options).to_string().contains("no column `tenant`"));
        let (_b, options) = write("m.txt", "");
        assert!(refused(&options).to_string().contains(".csv"));
        let gone = ManifestOptions { path: "no/such.csv".into(), ..Default::default() };
        assert_eq!(refused(&gone).kind(), crate::ErrorKind::NotFound);
    }
}
