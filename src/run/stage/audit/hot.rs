//! Analyses a log of the application's queries by namespace.
//!
//! Files are read row by row. Memory is bounded by the number of namespaces in the index; all unknown names are counted
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::Glob;
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use crate::clock::{Timestamp, until};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Span};

/// The number of namespaces listed.
const HOTTEST: usize = 10;
/// The number of unknown names listed.
const UNKNOWN_LISTED: usize = 10;
/// The longest line read from a JSON Lines log.
const LINE_BYTES: u64 = 64 * 1024;
/// The shortest period from which a monthly rate is estimated.
const SHORTEST: Duration = Duration::from_secs(3600);
const MONTH_SECONDS: f64 = 30.0 * 86_400.0;
/// The longest latency the histogram distinguishes, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// The counts taken from a query log.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct QueryLog {
    pub files: usize,
    pub queries: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Queries in 30 days at the log's rate; `None` without timestamps that span at least an hour.
    pub per_month: Option<u64>,
    /// The median latency in milliseconds, if the log contains latencies.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    /// The ten namespaces with the most queries, most first.
    pub hottest: Vec<Hot>,
    /// Namespaces of the index that were never queried.
    pub never_asked: u64,
    /// Queries of namespaces that the index does not have, and some of their names.
    pub unknown_queries: u64,
    pub unknown_namespaces: BTreeSet<String>,
    /// Queries per namespace, to estimate the cost of reading.
    #[serde(skip)]
    pub counts: BTreeMap<Namespace, u64>,
}

/// A namespace and its queries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Hot {
    pub namespace: Namespace,
    pub queries: u64,
    pub share: f64,
    pub mean_ms: Option<f64>,
}

/// One query of the log.
#[derive(Debug, PartialEq)]
struct Row {
    namespace: Namespace,
    at: Option<Timestamp>,
    latency: Option<Duration>,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    queries: u64,
    timed: u64,
    seconds: f64,
}

/// Reads every file that `pattern` names. Blocks.
///
/// # Errors
/// `Invalid` if no file matches, a file has no column `namespace` or ends in neither `.csv` nor `.jsonl`, or no row can
/// be read; `Io` if a file cannot be read.
pub(super) fn read(base: &Path, pattern: &str, known: Vec<Namespace>) -> Result<QueryLog> {
    let files = files(base, pattern)?;
    let mut counter = Counter::new(known);
    for path in &files {
        let named = |error: Error| error.with_context("query log", path.display());
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => csv_rows(path, &mut counter).map_err(named)?,
            Some("jsonl" | "ndjson") => json_rows(path, &mut counter).map_err(named)?,
            _ => {
                return Err(named(
                    Error::invalid("a query log ends in `.csv` or `.jsonl`")
                        .with_hint("narrow the glob in `query_log`"),
                ));
            }
        }
    }
    let log = counter.log(files.len());
    if log.queries == 0 {
        let message = format!("no query could be read from `{pattern}`");
        return Err(Error::invalid(message)
            .with_hint("each row needs `namespace`; `timestamp` and `latency` are optional"));
    }
    Ok(log)
}

/// Returns the files that match a pattern, ordered by name. Only the last part of the path may be a glob.
fn files(base: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let path = base.join(pattern);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !name.contains(['*', '?', '[', '{']) {
        return Ok(vec![path]);
    }
    let glob = Glob::new(&name)
        .map_err(|error| Error::invalid(format!("`{name}` is not a glob")).with_source(error))?
        .compile_matcher();
    let folder = path.parent().unwrap_or(base);
    let cannot = |error| Error::io(format!("cannot read the folder {}", folder.display()), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.path().is_file() && glob.is_match(entry.file_name()) {
            files.push(entry.path());
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::new(ErrorKind::Invalid, format!("no file matches `{pattern}`"))),
        false => Ok(files),
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}

fn csv_rows(path: &Path, counter: &mut Counter) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(open(path)?);
    let bad = |error: csv::Error| Error::invalid("the CSV file cannot be read").with_source(error);
    let headers = reader.headers().map_err(bad)?.clone();
    let column = |names: &[&str]| headers.iter().position(|header| names.contains(&header.trim()));
    let namespace = column(&["namespace"])
        .ok_or_else(|| Error::invalid("the query log has no column `namespace`"))?;
    let (at, latency) = (column(&["timestamp"]), column(&["latency", "latency_ms"]));
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let cell =
                    |column: Option<usize>| record.get(column?).filter(|cell| !cell.is_empty());
                let row = record.get(namespace).and_then(|name| {
                    row(
                        name,
                        cell(at).map(|text| time_of(&Value::from(text))),
                        cell(latency).map(|text| latency_of(&Value::from(text))),
                    )
                });
                counter.take(row);
            }
            Err(error) if error.is_io_error() => return Err(bad(error)),
            Err(_) => counter.take(None),
        }
    }
}

fn json_rows(path: &Path, counter: &mut Counter) -> Result<()> {
    let mut reader = BufReader::new(open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let cannot = |error| Error::io("the query log cannot be read", error);
        let read = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line).map_err(cannot)?;
        if read == 0 {
            return Ok(());
        }
        if line.len() as u64 == LINE_BYTES && !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(cannot)?;
            counter.take(None);
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        counter.take(serde_json::from_slice::<Value>(&line).ok().and_then(|value| {
            let latency = value.get("latency").or_else(|| value.get("latency_ms"));
            row(
                value.get("namespace")?.as_str()?,
                value.get("timestamp").filter(|at| !at.is_null()).map(time_of),
                latency.filter(|latency| !latency.is_null()).map(latency_of),
            )
        }));
    }
}

/// Reads one row; `None` if it contains a value that cannot be read.
fn row(
    namespace: &str,
    at: Option<Option<Timestamp>>,
    latency: Option<Option<Duration>>,
) -> Option<Row> {
    let at = at.map_or(Some(None), |at| at.map(Some))?;
    let latency = latency.map_or(Some(None), |latency| latency.map(Some))?;
    Some(Row { namespace: Namespace::new(namespace), at, latency })
}

/// Reads a time: RFC 3339, seconds since 1970, or milliseconds if the number is too large for seconds.
fn time_of(value: &Value) -> Option<Timestamp> {
    let number = match value {
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => number,
            Err(_) => return text.trim().parse().ok(),
        },
        value => value.as_f64()?,
    };
    let millis = if number.abs() >= 1e11 { number } else { number * 1e3 };
    Timestamp::from_millisecond(millis.round() as i64).ok()
}

/// Reads a latency: `12ms`, or a number of milliseconds.
fn latency_of(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => number,
            Err(_) => return text.trim().parse::<Span>().ok().map(|span| span.0),
        },
        value => value.as_f64()?,
    };
    Duration::try_from_secs_f64(number / 1e3).ok()
}

struct Counter {
    known: BTreeMap<Namespace, Tally>,
    log: QueryLog,
    latencies: Option<Histogram<u32>>,
}

impl Counter {
    fn new(known: Vec<Namespace>) -> Self {
        let known = known.into_iter().map(|namespace| (namespace, Tally::default())).collect();
        Self { known, log: QueryLog::default(), latencies: None }
    }

    fn take(&mut self, row: Option<Row>) {
        let log = &mut self.log;
        let Some(row) = row else {
            log.unreadable += 1;
            return;
        };
        log.queries += 1;
        if let Some(at) = row.at {
            log.from = Some(log.from.map_or(at, |from| from.min(at)));
            log.to = Some(log.to.map_or(at, |to| to.max(at)));
        }
        if let Some(latency) = row.latency {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).min(LONGEST_US);
            if self.latencies.is_none() {
                self.latencies = Histogram::new(3).ok();
            }
            if let Some(latencies) = &mut self.latencies {
                // Values within the histogram's bounds are always accepted.
                let _ = latencies.record(micros);
            }
        }
        match self.known.get_mut(&row.namespace) {
            Some(tally) => {
                tally.queries += 1;
                if let Some(latency) = row.latency {
                    tally.timed += 1;
                    tally.seconds += latency.as_secs_f64();
                }
            }
            None => {
                log.unknown_queries += 1;
                if log.unknown_namespaces.len() < UNKNOWN_LISTED {
                    log.unknown_namespaces.insert(row.namespace.explicit().to_owned());
                }
            }
        }
    }

    fn log(self, files: usize) -> QueryLog {
        let mut log = QueryLog { files, ..self.log };
        let covered = log.from.zip(log.to).map(|(from, to)| until(from, to));
        log.per_month = covered.filter(|covered| *covered >= SHORTEST).map(|covered| {
            (log.queries as f64 / covered.as_secs_f64() * MONTH_SECONDS).round() as u64
        });
        let at = |quantile| {
            let latencies = self.latencies.as_ref()?;
            Some(latencies.value_at_quantile(quantile) as f64 / 1e3)
        };
        (log.p50_ms, log.p95_ms) = (at(0.5), at(0.95));
        log.never_asked = self.known.values().filter(|tally| tally.queries == 0).count() as u64;
        log.counts = self.known.iter().map(|(name, tally)| (name.clone(), tally.queries)).collect();
        let mut asked: Vec<_> =
            self.known.into_iter().filter(|(_, tally)| tally.queries > 0).collect();
        asked.sort_by(|a, b| b.1.queries.cmp(&a.1.queries).then_with(|| a.0.cmp(&b.0)));
        let hot = |(namespace, tally): (Namespace, Tally)| Hot {
            namespace,
            queries: tally.queries,
            share: tally.queries as f64 / log.queries.max(1) as f64,
            mean_ms: (tally.timed > 0).then(|| tally.seconds / tally.timed as f64 * 1e3),
        };
        log.hottest = asked.into_iter().take(HOTTEST).map(hot).collect();
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Namespace> {
        ["", "a", "b", "never"].map(Namespace::new).to_vec()
    }

    fn log(files: &[(&str, &str)], pattern: &str) -> Result<QueryLog> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        read(folder.path(), pattern, known())
    }

    #[test]
    fn the_hottest_come_first_and_the_rest_is_counted() {
        let csv = "timestamp,namespace,latency\n\
                   2026-11-01T00:00:00Z,a,10\n2026-11-01T06:00:00Z,b,30ms\n1793534400,a,0.02s\n,__default__,\n,gone,\n";
        let jsonl = "{\"namespace\":\"a\",\"latency_ms\":20}\n\nnot json\n{\"namespace\":\"\",\"timestamp\":null}\n{\"namespace\":\"a\",\"timestamp\":\"soon\"}\n";
        let log = log(&[("1.csv", csv), ("2.jsonl", jsonl), ("3.txt", "")], "[12].*").unwrap();
        assert_eq!((log.files, log.queries, log.unreadable), (2, 7, 2));
        let hot: Vec<_> =
            log.hottest.iter().map(|hot| (hot.namespace.as_str(), hot.queries)).collect();
        assert_eq!(hot, [("a", 3), ("", 2), ("b", 1)]);
        assert!((log.hottest[0].mean_ms.unwrap() - 50.0 / 3.0).abs() < 1e-9);
        assert_eq!((log.never_asked, log.unknown_queries), (1, 1));
        assert_eq!(log.unknown_namespaces, BTreeSet::from(["gone".to_owned()]));
        assert_eq!(
            (log.p50_ms.map(f64::round), log.p95_ms.map(f64::round)),
            (Some(20.0), Some(30.0))
        );
    }

    #[test]
    fn a_month_is_told_from_an_hour_and_no_less() {
        let of = |to: &str| {
            let text = format!("namespace,timestamp\na,2026-11-01T00:00:00Z\na,{to}\n");
            log(&[("q.csv", &text)], "q.csv").unwrap().per_month
        };
        assert_eq!(of("2026-11-01T01:00:00Z"), Some(2 * 720));
        assert_eq!(of("2026-11-01T00:59:59Z"), None);
        assert_eq!(of("1793494800"), Some(2 * 720));
        assert_eq!(of("1793494800000"), Some(2 * 720));
    }

    #[test]
    fn what_is_no_log_is_refused_with_its_name() {
        let error =
            |files: &[(&str, &str)], pattern: &str| log(files, pattern).unwrap_err().to_string();
        assert!(error(&[], "*.csv").contains("no file matches `*.csv`"));
        assert!(error(&[("q.csv", "ns\na\n")], "q.csv").contains("no column `namespace`"));
        assert!(error(&[("q.csv", "namespace\n")], "q.csv").contains("no query could be read"));
        assert!(error(&[("q.txt", "")], "q.txt").contains("ends in `.csv` or `.jsonl`"));
        assert!(error(&[], "q.csv").contains("cannot read"));
        let long =
            format!("{{\"namespace\":\"{}\"}}\n{{\"namespace\":\"a\"}}\n", "x".repeat(70_000));
        let log = log(&[("q.jsonl", &long)], "q.jsonl").unwrap();
        assert_eq!((log.queries, log.unreadable), (1, 1));
    }
}
