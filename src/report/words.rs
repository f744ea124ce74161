//! Numbers, times and spans in words for people.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::journal::Artifact;
use crate::model::Observed;
pub use crate::model::{duration, plural};
use crate::text::{REMARK, named, named_in};

/// Writes a count with its thousands apart: `1,204,311`.
pub fn count(number: u64) -> String {
    Observed::count(number).to_string()
}

/// Writes a size: `15.1 GB`.
pub(super) fn bytes(number: u64) -> String {
    Observed::Bytes(number as f64).to_string()
}

/// Writes the largest unit of [`duration`], rounded, for narrow columns: `0.4 s`, `95 s`, `30 min`, `1 h`, `73 h`,
/// `7 d`.
pub(super) fn brief(span: Duration) -> String {
    let rounded = |unit: u64| {
        let units = (span.as_secs_f64() / unit as f64).round() as u64;
        duration(Duration::from_secs(units * unit))
    };
    match span.as_secs() {
        0..120 => duration(span),
        120..3570 => rounded(60),
        3570..360_000 => rounded(3600),
        _ => rounded(86_400),
    }
}

/// Describes a file that a run left, with its path within the run's folder of files if it is there:
/// `names of 12 namespaces: namespaces.json`.
pub fn artifact(artifact: &Artifact, run: &str) -> String {
    let Artifact { name, path, records, .. } = artifact;
    let path = files_of(path, run).map_or(path.as_str(), |(_, inside)| inside);
    let what = match name.as_str() {
        "namespaces" => format!("names of {}", plural(*records, "namespace")),
        "snapshot" | "sample" => format!("{name} of {}", plural(*records, "record")),
        "audit" => "findings, for machines".to_owned(),
        "audit to read" => "findings, to read".to_owned(),
        name => format!("{name}, {}", plural(*records, "record")),
    };
    format!("{what}: {path}")
}

/// Splits the path of a file of a run into the run's folder of files and the path within it.
pub(super) fn files_of<'a>(path: &'a str, run: &str) -> Option<(&'a str, &'a str)> {
    let own = ["/", "\\"].map(|separator| format!("artifacts{separator}{run}{separator}"));
    let found = own.iter().find_map(|own| Some(path.find(own)? + own.len()));
    let at = found.filter(|_| !run.is_empty())?;
    Some((&path[..at - 1], &path[at..]))
}

/// Writes a time: `2026-11-22 14:03:07 UTC`.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Shortens a digest to `sha256:9c1f…e07a`: enough for people to recognise, not for machines to compare.
pub(super) fn short_digest(digest: &str) -> String {
    let (scheme, hex) = digest.split_once(':').unwrap_or(("", digest));
    match (hex.get(..4), hex.len().checked_sub(4).and_then(|start| hex.get(start..))) {
        (Some(first), Some(last)) if hex.len() > 12 => format!("{scheme}:{first}…{last}"),
        _ => digest.to_owned(),
    }
}

/// Returns who asked for something: the name that was given and, where a CI job's token came with it, what that says of the
/// job and of who started it.
pub fn asker(by: &str, claims: &BTreeMap<String, String>) -> String {
    let of = |names: &[&str]| names.iter().find_map(|name| claims.get(*name));
    let job = of(&["sub", "repository", "project_path"]);
    let job = job.map(|job| named_in(job, REMARK).into_owned());
    let actor = of(&["actor", "user_login"]).map(|actor| format!("actor {}", named(actor)));
    let by = named(by);
    let said: Vec<_> = job.into_iter().chain(actor).collect();
    match said.is_empty() {
        true => by.into_owned(),
        false => format!("{by} (the job's unverified token says {})", said.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_run_is_named_within_the_runs_folder() {
        let file = |path: &str| Artifact {
            name: "sample".into(),
            path: path.into(),
            records: 5,
            kept: None,
            written: None,
        };
        let inside = file(".vecshift/p/artifacts/01r/audit/samples.parquet");
        assert_eq!(artifact(&inside, "01r"), "sample of 5 records: audit/samples.parquet");
        assert_eq!(files_of(&inside.path, "01r").unwrap().0, ".vecshift/p/artifacts/01r");
        let of_windows = file(r"C:\p\artifacts\01r\audit\samples.parquet");
        assert_eq!(artifact(&of_windows, "01r"), r"sample of 5 records: audit\samples.parquet");
        assert_eq!(artifact(&file("/data/x"), "01r"), "sample of 5 records: /data/x");
        assert_eq!(artifact(&file("x"), ""), "sample of 5 records: x");
    }

    #[test]
    fn who_asked_is_a_name_and_what_the_token_says_of_job_and_actor() {
        let asked = |claims: &[(&str, &str)]| {
            let claims = claims.iter().map(|(name, said)| ((*name).into(), (*said).into()));
            asker("ada", &claims.collect())
        };
        assert_eq!(asked(&[]), "ada");
        assert_eq!(
            asked(&[("sub", "repo:a/b:environment:c"), ("actor", "grace"), ("repository", "a/b")]),
            "ada (the job's unverified token says repo:a/b:environment:c, actor grace)"
        );
        assert_eq!(
            asked(&[("user_login", "grace")]),
            "ada (the job's unverified token says actor grace)"
        );
    }

    #[test]
    fn a_narrow_column_has_one_unit() {
        let cases = [
            (0.0, "0 s"),
            (0.42, "0.4 s"),
            (95.2, "1 min 35 s"),
            (1799.6, "30 min"),
            (3600.0, "1 h"),
            (3599.2, "1 h"),
            (90_600.0, "25 h"),
            (262_800.0, "73 h"),
            (604_000.0, "7 d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(brief(Duration::from_secs_f64(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn a_digest_is_shortened_in_the_middle() {
        assert_eq!(short_digest("sha256:9c1f0000000000e07a"), "sha256:9c1f…e07a");
        assert_eq!(short_digest("sha256:0"), "sha256:0");
    }
}
