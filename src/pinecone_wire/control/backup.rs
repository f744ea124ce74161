use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ReadCapacity;
use super::schema::Schema;
use crate::pinecone_wire::json::Int;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateBackup<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
}

/// The description of a backup; it has counts once it is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BackupModel {
    pub backup_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub source_index_name: String,
    #[serde(default)]
    pub source_index_id: String,
    /// Present since 2026-07.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_index_deleted_at: Option<String>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub cloud: String,
    #[serde(default)]
    pub region: String,
    /// Present up to 2026-04, as is `metric`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The schema; up to 2026-04 the metadata fields alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_count: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_count: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub created_at: String,
}

/// The request for an index that is made from a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestoreBackup<'a> {
    pub name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<Cow<'a, str>>,
    /// Present since 2026-07.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestoreStarted {
    pub restore_job_id: String,
    pub index_id: String,
}

/// The description of a restore job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RestoreJob {
    pub restore_job_id: String,
    #[serde(default)]
    pub backup_id: String,
    #[serde(default)]
    pub target_index_name: String,
    #[serde(default)]
    pub target_index_id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// Progress; from 2026-07 on only of a completed job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_complete: Option<f64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::is;
    use super::*;
    use crate::pinecone_wire::json::Page;

    #[test]
    fn a_backup_is_written_as_it_is_read() {
        is(&CreateBackup::default(), json!({}));
        let model = BackupModel {
            backup_id: "b".to_owned(),
            source_index_name: "i".to_owned(),
            source_index_id: "1".to_owned(),
            status: "Ready".to_owned(),
            cloud: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            dimension: Some(Int(3)),
            metric: Some("cosine".to_owned()),
            record_count: Some(Int(7)),
            created_at: "2026-11-27T00:00:00Z".to_owned(),
            ..BackupModel::default()
        };
        is(
            &Page { data: vec![model], pagination: None },
            json!({"data": [{"backup_id": "b", "source_index_name": "i", "source_index_id": "1",
                "status": "Ready", "cloud": "aws", "region": "us-east-1", "dimension": 3,
                "metric": "cosine", "record_count": 7, "created_at": "2026-11-27T00:00:00Z"}]}),
        );
    }

    #[test]
    fn a_restore_is_written_as_it_is_read() {
        is(
            &RestoreBackup { name: "n".into(), tags: Some(BTreeMap::new()), ..Default::default() },
            json!({"name": "n", "tags": {}}),
        );
        is(
            &RestoreStarted { restore_job_id: "j".to_owned(), index_id: "i".to_owned() },
            json!({"restore_job_id": "j", "index_id": "i"}),
        );
        let job = RestoreJob {
            restore_job_id: "j".to_owned(),
            backup_id: "b".to_owned(),
            target_index_name: "n".to_owned(),
            target_index_id: "i".to_owned(),
            status: "Pending".to_owned(),
            created_at: "2026-11-27T00:00:00Z".to_owned(),
            completed_at: None,
            percent_complete: Some(50.0),
        };
        is(
            &job,
            json!({"restore_job_id": "j", "backup_id": "b", "target_index_name": "n",
                "target_index_id": "i", "status": "Pending", "created_at": "2026-11-27T00:00:00Z",
                "percent_complete": 50.0}),
        );
    }
}
