//! The world of a rehearsal: the source index that a plan's `rehearsal:` block describes, and its records.
//!
//! Records come from an iterator, so a Parquet reader plugs in as well as the generator.

mod generate;
mod metadata;
mod plan;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::{
    AnyVector, IndexSpec, Metric, Namespace, Record, RecordId, VectorKind, VectorName, VectorType,
};
use crate::pinecone_wire::Deployment;
use crate::plan::file::RehearsalSource;
use crate::provider::{Records, parquet};

use super::checks;
use super::control::check_index;
use super::error::Refusal;
use super::floats::rounded;
use generate::Generator;
pub(crate) use plan::records_of;

/// An index and the records it starts with.
pub struct World {
    pub index: IndexSpec,
    records: Records,
}

impl World {
    /// Builds the world `source` describes: records of its `data` file, which starts from `base`, or generated ones.
    ///
    /// # Errors
    /// Those of [`World::generated`] and [`World::of_records`]; also if the file cannot be read.
    pub fn build(
        name: &str,
        source: &RehearsalSource,
        dimension: Option<u32>,
        metric: Option<Metric>,
        base: &Path,
    ) -> Result<Self> {
        match &source.data {
            None => Self::generated(name, source, dimension, metric),
            Some(data) => {
                let records = read(&base.join(data))?;
                Self::of_records(name, source, dimension, metric, records)
            }
        }
    }

    /// Builds the world `source` describes with generated records. `dimension` and `metric` are those of the create
    /// stage, for a source that gives none of its own.
    ///
    /// # Errors
    /// `Invalid` if there is no dimension or number of records, or if the template of the namespaces' names does not
    /// work.
    pub fn generated(
        name: &str,
        source: &RehearsalSource,
        dimension: Option<u32>,
        metric: Option<Metric>,
    ) -> Result<Self> {
        let index = source_index(name, source, dimension, metric)?;
        let records = Generator::new(index.dimension.unwrap_or_default(), index.metric, source)?;
        Ok(Self { index, records: Box::new(records.map(Ok)) })
    }

    /// Builds the world `source` describes with `records` read from elsewhere, at most as many as it asks for.
    ///
    /// # Errors
    /// `Invalid` if there is no dimension.
    pub fn of_records(
        name: &str,
        source: &RehearsalSource,
        dimension: Option<u32>,
        metric: Option<Metric>,
        records: impl Iterator<Item = Result<(Namespace, Record)>> + Send + 'static,
    ) -> Result<Self> {
        let index = source_index(name, source, dimension, metric)?;
        let most = source.records.map_or(usize::MAX, |records| records as usize);
        Ok(Self { index, records: Box::new(records.take(most)) })
    }

    /// Builds a serverless index with the records of files, or an empty one.
    ///
    /// # Errors
    /// `Invalid` if there can be no such index; if a file cannot be read as records. A record that the index would not keep
    /// shows when the world is loaded.
    pub fn of_files(name: &str, dimension: u32, metric: Metric, files: &[PathBuf]) -> Result<Self> {
        let index = spec(name, dimension, metric, serverless());
        check_index(&index).map_err(refused)?;
        let fit = |path: &PathBuf| {
            let (spec, file) = (index.clone(), path.display().to_string());
            let fitting = move |record: Result<(Namespace, Record)>| {
                let (namespace, record) = record?;
                let record = Record { metadata: rounded(record.metadata), ..record };
                checks::check_fits(&spec, &record)
                    .map_err(|refusal| refused(refusal).with_context("file", &file))?;
                Ok((namespace, record))
            };
            Ok(read(path)?.map(fitting))
        };
        let files: Vec<_> = files.iter().map(fit).collect::<Result<_>>()?;
        Ok(Self { index, records: Box::new(files.into_iter().flatten()) })
    }

    /// Splits the world into its index and an iterator over its records, namespace by namespace if they are generated.
    pub fn into_parts(
        self,
    ) -> (IndexSpec, impl Iterator<Item = Result<(Namespace, Record)>> + Send) {
        (self.index, self.records)
    }
}

/// Reads records from a Parquet file, as an index of the service keeps them: with ids of text, and one vector of a kind.
fn read(path: &Path) -> Result<Records> {
    let records = parquet::read(path)?.records();
    Ok(Box::new(records.map(|record| {
        let (namespace, record) = record?;
        let has_no_place =
            |name: &VectorName, one: &AnyVector| !name.is_only() || one.kind() == VectorKind::Multi;
        if let Some((name, _)) = record.vectors.iter().find(|(name, one)| has_no_place(name, one)) {
            let message = format!("an index of the emulator has no place for the vector `{name}`");
            return Err(Error::invalid(message)
                .with_context("id", &record.id)
                .with_hint("name a file with at most one dense and one sparse vector a record"));
        }
        Ok((namespace, Record { id: RecordId::new(record.id.text()), ..record }))
    })))
}

fn dimension_of(source: &RehearsalSource, made: Option<u32>) -> Result<u32> {
    source.dimension.or(made).ok_or_else(|| {
        Error::invalid("the rehearsal's source has no dimension")
            .with_hint("say `dimension` in `rehearsal.source` or in the create stage")
    })
}

fn metric_of(source: &RehearsalSource, made: Option<Metric>) -> Metric {
    source.metric.or(made).unwrap_or(Metric::Cosine)
}

/// Returns the source index. Environment and region are those of Pinecone's examples.
fn source_index(
    name: &str,
    source: &RehearsalSource,
    dimension: Option<u32>,
    metric: Option<Metric>,
) -> Result<IndexSpec> {
    let deployment = match source.kind.name() {
        "pod" => Deployment::Pod {
            environment: "us-east-1-aws".to_owned(),
            pod_type: "p1.x1".to_owned(),
            pods: 1,
            replicas: 1,
            shards: 1,
            indexed: source.indexed.clone(),
        },
        "serverless" => serverless(),
        other => {
            let message = format!("the emulator has no index of the kind `{other}`");
            return Err(Error::invalid(message).with_hint("it has `pod` and `serverless`"));
        }
    };
    Ok(spec(name, dimension_of(source, dimension)?, metric_of(source, metric), deployment))
}

fn serverless() -> Deployment {
    Deployment::Serverless { cloud: "aws".to_owned(), region: "us-east-1".to_owned() }
}

fn spec(name: &str, dimension: u32, metric: Metric, deployment: Deployment) -> IndexSpec {
    IndexSpec {
        name: name.to_owned(),
        dimension: Some(dimension),
        metric,
        vector_type: VectorType::Dense,
        deployment: deployment.into(),
        deletion_protection: false,
        tags: BTreeMap::new(),
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::invalid(refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, MultiVector, Vector, VectorField};
    use crate::provider::parquet::RecordWriter;

    /// A vector that no index of a rehearsal keeps would be gone before the rehearsal begins.
    #[test]
    fn a_vector_that_the_index_has_no_place_for_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let vectors = [("values", VectorKind::Dense), ("tokens", VectorKind::Multi)];
        let fields = vectors.map(|(name, kind)| VectorField::usual(VectorName::only(name), kind));
        let several = MultiVector::new(1, Vector::from_values([1.0, 2.0])).unwrap();
        let held = [Vector::from_values([0.5]).into(), AnyVector::Multi(several)];
        for count in [1, 2] {
            let fields = &fields[..count];
            let file = format!("{count}.parquet");
            let mut writer = RecordWriter::create(folder.path().join(&file), fields).unwrap();
            let names = fields.iter().map(|field| field.name.clone());
            let vectors = names.zip(held.clone()).collect();
            let record = Record { id: "a".into(), vectors, metadata: Metadata::default() };
            writer.append(&Namespace::new("n"), &[record]).unwrap();
            writer.finish().unwrap();
            let source = serde_json::json!({ "kind": "serverless", "data": file });
            let source = serde_json::from_value(source).unwrap();
            let world = World::build("old", &source, Some(1), None, folder.path()).unwrap();
            let read: Result<Vec<_>> = world.into_parts().1.collect();
            let refused = read.err().map(|error| error.message().to_owned());
            let said = "an index of the emulator has no place for the vector `tokens`";
            assert_eq!(refused.as_deref(), (count == 2).then_some(said));
        }
    }
}
