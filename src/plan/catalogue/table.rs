//! The table itself.

use super::metric::{Argument, Metric, Unit};

const AUDIT: &[&str] = &["audit"];
const CREATE: &[&str] = &["create"];
const COPY: &[&str] = &["copy"];
const VERIFY: &[&str] = &["verify"];
const CANARY: &[&str] = &["canary"];
const DECOMMISSION: &[&str] = &["decommission"];
const WRITTEN: &[&str] = &["snapshot", "decommission"];
const ANY: &[&str] =
    &["audit", "create", "copy", "verify", "canary", "decommission", "snapshot", "sync", "run"];

const QUERY: Argument = Argument::Subject(&["query"]);
const READS: Argument = Argument::Subject(&["query", "fetch"]);
const METRIC_WORDS: Unit = Unit::Word(&["cosine", "dotproduct", "euclidean"]);
const COMPARISON_WORDS: Unit = Unit::Word(&["bits", "unit", "direction", "tolerance"]);

/// Makes a row without argument, window or source side.
const fn plain(
    name: &'static str,
    stages: &'static [&'static str],
    unit: Unit,
    meaning: &'static str,
) -> Metric {
    Metric { name, argument: Argument::None, stages, unit, over: false, source: false, meaning }
}

/// Makes a row for a latency of a stage that measures once.
const fn once(name: &'static str, argument: Argument, meaning: &'static str) -> Metric {
    Metric {
        name,
        argument,
        stages: VERIFY,
        unit: Unit::Duration,
        over: false,
        source: false,
        meaning,
    }
}

/// Makes a row for what a canary measures while time passes.
const fn watched(
    name: &'static str,
    argument: Argument,
    unit: Unit,
    source: bool,
    meaning: &'static str,
) -> Metric {
    Metric { name, argument, stages: CANARY, unit, over: true, source, meaning }
}

const fn probe(name: &'static str, meaning: &'static str) -> Metric {
    Metric {
        name,
        argument: Argument::Probe,
        stages: ANY,
        unit: Unit::Number,
        over: false,
        source: false,
        meaning,
    }
}

const fn of_vector(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric {
        name,
        argument: Argument::Vector,
        stages: VERIFY,
        unit,
        over: false,
        source: false,
        meaning,
    }
}

const P50: &str = "Median latency at the client: half of the queries took no longer (nearest rank, HdrHistogram with 3 digits).";
const P95: &str = "Latency that 95 of 100 queries stayed within, at the client, by nearest rank (HdrHistogram, 3 digits). Timed from the intended start under an open-loop rate, so a stalled server is not flattered.";
const P99: &str =
    "Latency that 99 of 100 queries stayed within; as `p95`. Needs at least 100 samples.";
const ERROR_RATE: &str =
    "Queries that failed after their retries, as a share of all that were sent.";
const OVERLAP: &str = "Mean share of the source's k nearest records that are among the target's k nearest for the same query (recall@k against the source).";

/// Every metric; a name that stages measure differently has a row for each.
pub static METRICS: &[Metric] = &[
    plain(
        "source.records",
        &["audit", "decommission"],
        Unit::Count,
        "Records of the source, by its own count.",
    ),
    plain("source.namespaces", AUDIT, Unit::Count, "Namespaces of the source that hold records."),
    plain("source.dimension", AUDIT, Unit::Count, "Components of the source's vectors."),
    plain("source.metric", AUDIT, METRIC_WORDS, "How the source measures similarity."),
    plain("source.kind", AUDIT, Unit::Kind, "What the source runs on."),
    plain(
        "source.metadata_bytes",
        AUDIT,
        Unit::Bytes,
        "The largest metadata object of the sample, as compact JSON.",
    ),
    plain("source.id_chars", AUDIT, Unit::Count, "The longest id of the sample, in characters."),
    plain(
        "source.rejects",
        AUDIT,
        Unit::Count,
        "Records of the sample that the target would refuse, by the rules of the copy: ids, metadata over 40 KB, nested or null values, no vector or one of another dimension, only zeros. An audit that says nothing of it or of its share implies `source.rejects == 0`.",
    ),
    plain(
        "source.obstacles",
        AUDIT,
        Unit::Count,
        "Things that keep the source from being read whole, or some of its records apart: no key, ids that are there twice, numbers that would be rounded; each in the report, with what to do. An audit that says nothing of it implies `source.obstacles == 0`.",
    ),
    plain("source.rejects_share", AUDIT, Unit::Share, "`source.rejects` as a share of the sample."),
    plain(
        "target.records",
        &["audit", "create"],
        Unit::Count,
        "Records of the target, by its own count; in an audit 0 where it does not exist yet.",
    ),
    plain(
        "target.namespaces",
        AUDIT,
        Unit::Count,
        "Namespaces of the target that hold records, where it exists.",
    ),
    plain(
        "target.dimension",
        &["audit", "create"],
        Unit::Count,
        "Components of the target's vectors, where it exists.",
    ),
    plain(
        "target.metric",
        &["audit", "create"],
        METRIC_WORDS,
        "How the target measures similarity, where it exists.",
    ),
    plain(
        "target.kind",
        &["audit", "create"],
        Unit::Kind,
        "What the target runs on, where it exists.",
    ),
    plain(
        "target.metadata_bytes",
        AUDIT,
        Unit::Bytes,
        "As `source.metadata_bytes`, of the target where it exists.",
    ),
    plain(
        "target.id_chars",
        AUDIT,
        Unit::Count,
        "As `source.id_chars`, of the target where it exists.",
    ),
    plain(
        "target.obstacles",
        AUDIT,
        Unit::Count,
        "Things that keep the target from taking records, whatever they are: rights, no key over the ids, a column that needs a value; each in the report, with what to do. An audit that says nothing of it implies `target.obstacles == 0`.",
    ),
    plain(
        "target.rejects",
        AUDIT,
        Unit::Count,
        "As `source.rejects`, of the target where it exists.",
    ),
    plain(
        "target.rejects_share",
        AUDIT,
        Unit::Share,
        "As `source.rejects_share`, of the target where it exists.",
    ),
    plain(
        "cost.source_monthly",
        AUDIT,
        Unit::Dollars,
        "What the source costs a month, by the price table or `prices.source_monthly`.",
    ),
    plain(
        "cost.target_monthly",
        AUDIT,
        Unit::Dollars,
        "What the target will cost a month: storage and the queries of `prices.queries_per_month`.",
    ),
    plain("cost.saving", AUDIT, Unit::Share, "1 - target monthly / source monthly."),
    plain(
        "cost.copy",
        AUDIT,
        Unit::Dollars,
        "What writing every record once costs, and reading it where the source charges for that.",
    ),
    plain(
        "cost.verify",
        AUDIT,
        Unit::Dollars,
        "What comparing every record once costs: read units, and what leaves the service beyond what is included.",
    ),
    plain(
        "target.ready",
        CREATE,
        Unit::Bool,
        "Whether the target is ready, and has taken, shown and deleted a probe record.",
    ),
    plain("copy.records", COPY, Unit::Count, "Records the target acknowledged."),
    plain(
        "copy.failed",
        COPY,
        Unit::Count,
        "Records the target refused; each is in the dead-letter file with the reason. A copy that says nothing of it implies `copy.failed == 0`.",
    ),
    plain(
        "copy.missing",
        COPY,
        Unit::Count,
        "Ids that were found and whose records could not be fetched.",
    ),
    plain("copy.left_out", COPY, Unit::Count, "Records that the stage's `filter` leaves out."),
    plain(
        "copy.skipped",
        COPY,
        Unit::Count,
        "Records whose ids held something else in the target and were left alone (`existing: skip`).",
    ),
    plain(
        "copy.complete",
        COPY,
        Unit::Bool,
        "Whether the ids found in each namespace are as many as the source's own count says, and each of their records is acknowledged or listed as failed.",
    ),
    plain(
        "copy.rate",
        COPY,
        Unit::Rate,
        "Acknowledged records a second, over the time in which processes copied; not the time between them.",
    ),
    plain("copy.retries", COPY, Unit::Count, "Requests that were sent again."),
    plain(
        "source.changed",
        &["verify", "canary", "decommission"],
        Unit::Count,
        "Records of the source that are not as they were copied: added, changed or removed, in any namespace, also in one that appeared since. By the contents that the copy kept with its checkpoints; where those differ, or the provider copied the records, by comparison with the target: what both sides hold alike is no change, and what was left as the target had it (`existing: skip`) is compared with what the source held then. A `verify` that compares all records measures it in passing; otherwise it reads the whole source where it is asserted, in a canary once at the end of each step and as often as `every` says.",
    ),
    plain(
        "count_delta",
        VERIFY,
        Unit::Count,
        "The sum over all namespaces of the absolute difference of their counts: 0 only where every namespace agrees.",
    ),
    plain(
        "compared",
        VERIFY,
        Unit::Count,
        "Records of the source that were looked for in the target: the equal, the mismatched and the missing ones together.",
    ),
    plain("missing", VERIFY, Unit::Count, "Compared records that the target does not have."),
    plain(
        "extra",
        VERIFY,
        Unit::Count,
        "Records of the target that the source does not have; where a sample is compared, among the ids of that sample.",
    ),
    plain(
        "mismatched",
        VERIFY,
        Unit::Count,
        "Compared records whose values (beyond `tolerance`), sparse values or metadata differ.",
    ),
    plain(
        "values_mismatched",
        VERIFY,
        Unit::Count,
        "Compared records whose dense or sparse values differ by more than `tolerance`; without one, in any bit.",
    ),
    plain(
        "vanished",
        VERIFY,
        Unit::Count,
        "Ids that the source named and did not have when they were fetched: something writes to it.",
    ),
    plain(
        "comparison",
        VERIFY,
        COMPARISON_WORDS,
        "Which comparison of vectors was made, by what the target keeps: every bit, every bit of unit vectors, their direction, or numbers within `tolerance`. Of several vectors a record, each of which is compared in its own way, the comparison that says the least.",
    ),
    of_vector(
        "vector_mismatched",
        Unit::Count,
        "Compared records in which the vector of this name in the target differs by more than its own comparison lets pass.",
    ),
    of_vector(
        "vector_comparison",
        COMPARISON_WORDS,
        "Which comparison of the vector of this name was made; as `comparison`.",
    ),
    of_vector(
        "vector_max_difference",
        Unit::Number,
        "The largest difference of one component of the vector of this name.",
    ),
    plain(
        "max_difference",
        VERIFY,
        Unit::Number,
        "The largest difference of one component among the compared records.",
    ),
    plain(
        "metadata_mismatched",
        VERIFY,
        Unit::Count,
        "Compared records whose metadata differ after the plan's own changes.",
    ),
    plain(
        "schema_drift",
        VERIFY,
        Unit::Count,
        "Metadata fields whose set of types differs between the sides, after the plan's own changes.",
    ),
    Metric {
        name: "overlap",
        argument: Argument::K,
        stages: VERIFY,
        unit: Unit::Ratio,
        over: false,
        source: false,
        meaning: OVERLAP,
    },
    Metric {
        name: "filtered_overlap",
        argument: Argument::K,
        stages: VERIFY,
        unit: Unit::Ratio,
        over: false,
        source: false,
        meaning: "As `overlap@k`, over the queries that carry a metadata filter.",
    },
    Metric {
        name: "sparse_overlap",
        argument: Argument::K,
        stages: VERIFY,
        unit: Unit::Ratio,
        over: false,
        source: false,
        meaning: "As `overlap@k`, over the queries that carry sparse values: hybrid ones, and all of a sparse index.",
    },
    once("p50", READS, P50),
    once("p95", READS, P95),
    once("p99", READS, P99),
    once("max", READS, "The slowest one."),
    once(
        "cold",
        QUERY,
        "The slowest first query of a namespace that nothing had read in this run; at most 100 namespaces are asked, and n says how many. What an earlier try of the stage measured stands; where another stage read every namespace before, it is not measured.",
    ),
    once(
        "read_after_write",
        Argument::None,
        "The slowest time from sending a record until it could be read back: by sequence number where the target gives it, else by fetching it. The records go to a namespace of their own, one after the other, and are removed. Measured where it is asserted or `read_after_write` says how many.",
    ),
    plain("error_rate", VERIFY, Unit::Share, ERROR_RATE),
    watched("p50", QUERY, Unit::Duration, true, P50),
    watched("p95", QUERY, Unit::Duration, true, P95),
    watched("p99", QUERY, Unit::Duration, true, P99),
    watched("error_rate", Argument::None, Unit::Share, true, ERROR_RATE),
    watched("overlap", Argument::K, Unit::Ratio, false, OVERLAP),
    watched("requests", Argument::None, Unit::Count, true, "Queries that were sent."),
    watched(
        "weight",
        Argument::None,
        Unit::Share,
        false,
        "The share of traffic at the target, read back from the driver.",
    ),
    plain(
        "target.missing",
        DECOMMISSION,
        Unit::Count,
        "Records that were copied, that the source still has and that the target lacks, directly before the deletion: by ids where a `verify` compares all records or there is none, else by the ids of its sample and the target's counts. Where it is not asserted it must be 0.",
    ),
    plain(
        "target.changed",
        DECOMMISSION,
        Unit::Count,
        "Those of the records looked for in the target that differ there from the source's: the application has changed them since, or somebody else has. What was left as the target had it (`existing: skip`) is not among them. Judged only where it is asserted.",
    ),
    plain(
        "snapshot.records",
        WRITTEN,
        Unit::Count,
        "Records in the snapshot, counted by reading it back.",
    ),
    plain(
        "snapshot.complete",
        WRITTEN,
        Unit::Bool,
        "Whether the snapshot, read back, holds exactly the records that were read, as many of each namespace as the index counts.",
    ),
    Metric {
        name: "source.reads",
        argument: Argument::None,
        stages: DECOMMISSION,
        unit: Unit::Count,
        over: true,
        source: false,
        meaning: "Reads of the source by anyone else, seen by the gateway or the provider's Prometheus endpoint. Where neither is configured the verdict is error, never pass.",
    },
    probe("exec", "The number a command of `probes:` prints."),
    probe("http", "The number a request of `probes:` answers."),
    probe("prometheus", "The number a PromQL query of `probes:` yields."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_kinds_of_stages() {
        for metric in METRICS {
            assert!(metric.stages.iter().all(|stage| ANY.contains(stage)), "{}", metric.name);
        }
    }
}
