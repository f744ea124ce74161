//! What is the same in all files that are read together: the kind of their ids, and the vectors of their records.

use std::collections::BTreeMap;

use super::one_file::Opened;
use crate::error::{Error, Result};
use crate::model::{Element, Fidelity, IdKind, VectorField};
use crate::provider::parquet::name_fields;

/// What all files have in common.
#[derive(Debug)]
pub(super) struct Agreed {
    /// Text where the files differ: any id has one, and of two of the same text one would hide the other.
    pub ids: IdKind,
    /// The fields of all files, in the order in which they are met.
    pub fields: Vec<VectorField>,
    /// What has to be said of files that differ.
    pub remark: Option<String>,
}

impl Agreed {
    /// Finds it.
    ///
    /// # Errors
    /// `Invalid` if two files have vectors of two kinds under one name.
    pub fn of(files: &[Opened]) -> Result<Self> {
        let mut kinds: BTreeMap<IdKind, u64> = BTreeMap::new();
        for file in files.iter().filter(|file| file.rows.count() > 0) {
            *kinds.entry(file.rows.ids()).or_default() += 1;
        }
        let ids = match kinds.keys().collect::<Vec<_>>()[..] {
            [only] => *only,
            _ => IdKind::Text,
        };
        let mut fields = Vec::new();
        for file in files {
            for field in file.rows.fields() {
                add(&mut fields, field, &file.path)?;
            }
        }
        let mut fields: Vec<VectorField> = fields.into_iter().map(|(field, _)| field).collect();
        name_fields(fields.iter_mut());
        Ok(Self { ids, fields, remark: remark(&kinds) })
    }

    /// Whether the files have no vectors but a dense and a sparse one in the usual columns, with every bit of them, as far as
    /// is known.
    pub fn is_plain(&self) -> bool {
        let plain = VectorField::plain();
        let is_usual = |field: &VectorField| {
            let mut same = plain.iter().filter(|one| one.kind == field.kind);
            let is_whole = field.element == Element::F32 && field.fidelity == Fidelity::Bits;
            is_whole && same.any(|one| one.name == field.name)
        };
        self.fields.iter().all(is_usual)
    }
}

/// Adds a field of a file to those of the files before it. What they say differently is not known of both, and they are as
/// faithful as the one that is less so.
fn add<'a>(
    fields: &mut Vec<(VectorField, &'a str)>,
    field: &VectorField,
    path: &'a str,
) -> Result<()> {
    let Some((known, first)) = fields.iter_mut().find(|(known, _)| known.name == field.name) else {
        fields.push((field.clone(), path));
        return Ok(());
    };
    if known.kind != field.kind {
        let message = format!(
            "the vector `{}` is {} in {first} and {} in {path}",
            field.name, known.kind, field.kind
        );
        return Err(Error::invalid(message)
            .with_hint("read the files one after the other, each with `columns` of its own"));
    }
    known.dimension = known.dimension.filter(|own| field.dimension == Some(*own));
    known.metric = known.metric.filter(|own| field.metric == Some(*own));
    if known.element != field.element {
        known.element = Element::F32;
    }
    known.fidelity = known.fidelity.max(field.fidelity);
    Ok(())
}

fn remark(kinds: &BTreeMap<IdKind, u64>) -> Option<String> {
    let all: u64 = kinds.values().sum();
    let said: Vec<String> =
        kinds.iter().map(|(kind, files)| format!("{kind} in {files} of {all} files")).collect();
    (kinds.len() > 1).then(|| format!("ids are {}: all are read as texts", said.join(", ")))
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::model::{
        AnyVector, Fidelity, Metadata, Metric, MultiVector, Namespace, Record, RecordId, Vector,
        VectorField, VectorKind, VectorName, Vectors,
    };
    use crate::plan::file::Columns;
    use crate::provider::files::Files;
    use crate::provider::parquet::RecordWriter;
    use crate::storage::S3Options;
    use crate::store::read::Ids;
    use crate::store::{Describe, Fetch, Scan, Scope};

    /// Writes a file of one record for each id, with a vector under each of these names.
    fn write(
        folder: &std::path::Path,
        file: &str,
        ids: &[RecordId],
        vectors: &[(&str, AnyVector)],
    ) {
        let field = |(name, vector): &(&str, AnyVector)| {
            let metric = (vector.kind() == VectorKind::Dense).then_some(Metric::Euclidean);
            VectorField {
                metric,
                ..VectorField::usual(VectorName::of_several(name), vector.kind())
            }
        };
        let fields: Vec<VectorField> = vectors.iter().map(field).collect();
        let named = vectors.iter().zip(&fields);
        let of_each: Vectors =
            named.map(|((_, vector), field)| (field.name.clone(), vector.clone())).collect();
        let mut writer = RecordWriter::create(folder.join(file), &fields).unwrap();
        for id in ids {
            let (id, vectors) = (id.clone(), of_each.clone());
            let record = Record { id, vectors, metadata: Metadata::default() };
            writer.append(&Namespace::new("n"), &[record]).unwrap();
        }
        writer.finish().unwrap();
    }

    fn open(folder: &std::path::Path) -> Files {
        Files::new(folder.to_str().unwrap(), folder, S3Options::default(), Columns::default())
    }

    fn dense(length: usize) -> AnyVector {
        Vector::from_values(vec![0.5; length]).into()
    }

    fn several() -> AnyVector {
        AnyVector::Multi(MultiVector::new(2, Vector::from_values([1.0; 6])).unwrap())
    }

    #[tokio::test]
    async fn a_field_is_the_only_one_of_its_kind_in_all_files_or_in_none() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = ([RecordId::from("a")], [RecordId::from("b")]);
        write(folder.path(), "a.parquet", &a, &[("title", dense(3))]);
        let alone = open(folder.path()).describe().await.unwrap().unwrap().spec;
        let vectors = &alone.deployment.vectors;
        assert_eq!(
            (vectors.len(), vectors[0].name.is_only(), vectors[0].dimension),
            (1, true, None)
        );
        assert_eq!((alone.dimension, alone.metric), (Some(3), Metric::Euclidean));
        assert!(alone.deployment.knows_metric);

        write(folder.path(), "b.parquet", &b, &[("body", dense(5)), ("tokens", several())]);
        let files = open(folder.path());
        let spec = files.describe().await.unwrap().unwrap().spec;
        let said: Vec<String> = spec.deployment.vectors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["title (dense, 3, f32)", "body (dense, 5, f32)", "tokens (multi, 2, f32)"]
        );
        let ids = [a, b].concat();
        let found = Fetch::fetch(&files, &Namespace::new("n"), &ids).await.unwrap();
        let names = found.iter().flat_map(|record| record.vectors.iter());
        let mut is_only: Vec<_> = names.map(|(name, _)| (name.as_str(), name.is_only())).collect();
        is_only.sort_unstable();
        assert_eq!(is_only, [("body", false), ("title", false), ("tokens", true)]);

        write(folder.path(), "c.parquet", &[RecordId::from("c")], &[("title", several())]);
        let error = open(folder.path()).describe().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let said = "the vector `title` is dense in a.parquet and multi in c.parquet";
        assert!(error.to_string().contains(said), "{error}");
    }

    /// A side whose numbers are rounded as they are read does not keep every bit, whatever the files beside it hold.
    #[tokio::test]
    async fn what_is_rounded_is_not_read_in_every_bit() {
        use arrow_array::builder::{Float64Builder, ListBuilder};
        use arrow_array::{ArrayRef, RecordBatch, StringArray};
        use parquet::arrow::ArrowWriter;
        use std::sync::Arc;

        let mut vectors = ListBuilder::new(Float64Builder::new());
        vectors.append_value([Some(0.25), Some(0.5), Some(1.0)]);
        let id: ArrayRef = Arc::new(StringArray::from(vec!["b"]));
        let rows: [(&str, ArrayRef); 2] = [("id", id), ("values", Arc::new(vectors.finish()))];
        let batch = RecordBatch::try_from_iter(rows).unwrap();

        for has_other in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = std::fs::File::create(folder.path().join("b.parquet")).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            if has_other {
                write(folder.path(), "a.parquet", &["a".into()], &[("values", dense(3))]);
            }
            for (round, fidelity) in [(false, Fidelity::Bits), (true, Fidelity::Lossy)] {
                let columns = Columns { round, ..Columns::default() };
                let (name, s3) = (folder.path().to_str().unwrap(), S3Options::default());
                let files = Files::new(name, folder.path(), s3, columns);
                let spec = files.describe().await.unwrap().unwrap().spec;
                let values = &spec.deployment.vectors[0];
                assert_eq!((values.name.as_str(), values.fidelity), ("values", fidelity));
            }
        }
    }

    /// Returns the ids as they are listed.
    async fn listed(files: &Files) -> Vec<RecordId> {
        let (namespace, range) = (Namespace::new("n"), Scan::whole(files).unwrap());
        let scope = Scope { namespace: &namespace, records: 0 };
        let mut ids: Box<dyn Ids> =
            files.ids(scope, &range, &crate::model::Cursor::Start).await.unwrap();
        ids.next(100).await.unwrap().unwrap().ids
    }

    #[tokio::test]
    async fn ids_of_files_are_of_one_kind_and_found_by_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = [RecordId::Number(7), RecordId::from("-7"), RecordId::Number(70)];
        write(folder.path(), "a.parquet", &numbers, &[("v", dense(1))]);
        let files = open(folder.path());
        files.describe().await.unwrap();
        assert_eq!(listed(&files).await, numbers);
        assert_eq!(files.own_kind("70".into()), numbers[2]);
        assert_eq!(files.own_kind("070".into()), RecordId::from("070"));
        let asked = [&numbers[..], &["7".into(), "070".into()]].concat();
        for again in [open(folder.path()), files] {
            let mut found = Fetch::fetch(&again, &Namespace::new("n"), &asked).await.unwrap();
            found.sort_by(|a, b| a.id.text().cmp(&b.id.text()));
            let found: Vec<RecordId> = found.into_iter().map(|record| record.id).collect();
            assert_eq!(found, [&numbers[1], &numbers[0], &numbers[2]].map(RecordId::clone));
            let there =
                again.passes().unwrap().present(&Namespace::new("n"), &asked).await.unwrap();
            assert_eq!(there, numbers.iter().cloned().collect());
        }

        write(folder.path(), "b.parquet", &[RecordId::from("x")], &[("v", dense(1))]);
        let mixed = open(folder.path());
        let remarks = mixed.inventory().await.unwrap().unwrap().remarks;
        let said = "ids are text in 1 of 2 files, number in 1 of 2 files: all are read as texts";
        assert!(remarks.iter().any(|remark| remark == said), "{remarks:?}");
        assert_eq!(listed(&mixed).await, ["7", "-7", "70", "x"].map(RecordId::from));
        mixed.see_distinct(true).await.unwrap();

        // What is the same as a text is twice.
        write(folder.path(), "c.parquet", &[RecordId::from("7")], &[("v", dense(1))]);
        let error = open(folder.path()).see_distinct(true).await.unwrap_err();
        assert!(error.message().starts_with("`7` is twice in namespace `n`"), "{error}");
    }
}
