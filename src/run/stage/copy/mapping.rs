//! The mapping of namespaces, written to a file for the application to read while both indexes are in use.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::fs::{Access, replace};
use crate::journal::ShardState;
use crate::model::{Namespace, Tally};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::line::artifacts::artifact;

/// The version of the file's format. Fields are only ever added.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct File<'a> {
    vecshift_mapping: u32,
    plan: &'a str,
    stage: &'a str,
    source: &'a str,
    target: &'a str,
    /// Whether every namespace is complete.
    is_complete: bool,
    namespaces: &'a [Row],
}

/// One namespace of the source.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    source: Namespace,
    target: Namespace,
    /// Records acknowledged by the target.
    records: u64,
    failed: u64,
    left_out: u64,
    /// Whether these were proven to be all the source holds.
    is_complete: bool,
}

/// Writes `STAGE-namespaces.json` and `STAGE-namespaces.csv` to the run's artifacts, replacing each as a whole.
///
/// # Errors
/// If they cannot be written.
pub(super) async fn write_mapping(context: &Context, copy: &CopyStage) -> Result<()> {
    let rows = rows(context.stage_state()?.shards.values());
    let plan = &context.plan;
    let file = File {
        vecshift_mapping: FORMAT,
        plan: &plan.name,
        stage: copy.id.as_str(),
        source: &plan.source.index,
        target: &plan.target.index,
        is_complete: rows.iter().all(|row| row.is_complete),
        namespaces: &rows,
    };
    let json = serde_json::to_vec_pretty(&file).map_err(|error| {
        Error::unexpected("the mapping cannot be written as JSON").with_source(error)
    })?;
    for (ending, bytes) in [("json", json), ("csv", csv(&rows)?)] {
        let path = artifact(context, copy, &format!("namespaces.{ending}"));
        replace(&path, &bytes, Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        context.wrote("namespaces", path, rows.len() as u64).await?;
    }
    Ok(())
}

/// Builds one row per source namespace, however many shards it was copied in.
fn rows<'a>(shards: impl IntoIterator<Item = &'a ShardState>) -> Vec<Row> {
    let mut found: BTreeMap<&Namespace, (Row, Tally)> = BTreeMap::new();
    for state in shards {
        let shard = &state.shard;
        let (row, tally) = found.entry(&shard.source).or_insert_with(|| {
            let row = Row {
                source: shard.source.clone(),
                target: shard.target.clone(),
                records: 0,
                failed: 0,
                left_out: 0,
                is_complete: true,
            };
            (row, Tally::default())
        });
        row.is_complete &= state.is_complete;
        tally.add(state.checkpoint.tally);
    }
    let with_counts = |(row, tally): (Row, Tally)| Row {
        records: tally.copied,
        failed: tally.failed,
        left_out: tally.left_out,
        ..row
    };
    found.into_values().map(with_counts).collect()
}

fn csv(rows: &[Row]) -> Result<Vec<u8>> {
    let cannot = || Error::unexpected("the mapping cannot be written as CSV");
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["source", "target", "records", "failed", "left_out", "is_complete"];
    writer.write_record(header).map_err(|error| cannot().with_source(error))?;
    for row in rows {
        let counts = [row.records, row.failed, row.left_out].map(|count| count.to_string());
        let [records, failed, left_out] = &counts;
        let is_complete = if row.is_complete { "true" } else { "false" };
        let cells =
            [row.source.explicit(), row.target.explicit(), records, failed, left_out, is_complete];
        writer.write_record(cells).map_err(|error| cannot().with_source(error))?;
    }
    writer.into_inner().map_err(|_| cannot())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Checkpoint, Enumeration, Shard};

    #[test]
    fn shards_of_one_namespace_are_one_row() {
        let state = |source: &str, copied, is_complete| ShardState {
            shard: Shard {
                source: source.into(),
                cell: 0,
                target: "t, u".into(),
                enumeration: Enumeration::Collection,
                expected: copied,
            },
            checkpoint: Checkpoint {
                tally: Tally { copied, left_out: 1, ..Tally::default() },
                ..Checkpoint::default()
            },
            is_complete,
        };
        let rows = rows(&[state("", 2, true), state("b", 3, true), state("b", 4, false)]);
        let text = String::from_utf8(csv(&rows).unwrap()).unwrap();
        insta::assert_snapshot!(text, @r#"
        source,target,records,failed,left_out,is_complete
        __default__,"t, u",2,0,1,true
        b,"t, u",7,0,2,false
        "#);
    }
}
