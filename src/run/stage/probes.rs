//! Probe records, which a run writes to a namespace of their own and removes again.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    IndexDescription, IndexSpec, Metadata, Namespace, Record, RecordId, Span, SparseVector, Vector,
    VectorField, VectorKind, VectorType,
};
use crate::run::Context;
use crate::run::context::guard::{self, counted};
use crate::run::taken::Taken;

/// How long a probe record may take to become readable, and its namespace to disappear.
const SEEN: Patience =
    Patience { limit: Duration::from_secs(120), pause: Duration::from_millis(500) };

fn namespace(context: &Context) -> Namespace {
    guard::probe_namespace(context, "probe")
}

/// Writes one record to a namespace of its own.
pub(super) async fn write_probe(context: &Context, index: &IndexDescription) -> Result<()> {
    let write = context.world.target.must_write()?;
    write.upsert(&namespace(context), &[probe_record(&index.spec)]).await?.whole().map(drop)
}

/// Looks once, in the step of this name, whether the record can be read as it was written.
///
/// # Errors
/// `Conflict` if it comes back changed; `Timeout` if it does not come back within two minutes.
pub(super) async fn see_probe(
    context: &Context,
    index: &IndexDescription,
    step: &str,
) -> Result<Taken> {
    let record = probe_record(&index.spec);
    let fetch = context.world.target.must_fetch()?;
    let look = async {
        let seen = fetch.fetch(&namespace(context), std::slice::from_ref(&record.id)).await?;
        match seen.first() {
            Some(seen) if seen.vectors == record.vectors && seen.metadata == record.metadata => {
                Ok(Break(()))
            }
            Some(_) => {
                let message = "the target gives a probe record back changed";
                Err(Error::new(ErrorKind::Conflict, message))
            }
            None => Ok(Continue(())),
        }
    };
    let late = |()| {
        let message = "a probe record could not be read back within 2 minutes";
        Error::new(ErrorKind::Timeout, message)
    };
    Ok(context.look_again(step, SEEN, look, late).await?.into())
}

/// Removes the record, in the step of this name.
///
/// # Errors
/// As [`remove`].
pub(super) async fn remove_probe(context: &Context, step: &str) -> Result<Taken> {
    remove(context, &namespace(context), "the probe record", step).await
}

/// Removes `what` a namespace holds, in the step of this name, and looks whether the target still counts it.
///
/// # Errors
/// `Timeout` if it does after two minutes; those of the provider.
pub(super) async fn remove(
    context: &Context,
    namespace: &Namespace,
    what: &str,
    step: &str,
) -> Result<Taken> {
    if !context.is_again(step)? {
        guard::remove_probe(context, namespace).await?;
    }
    let look = async {
        let counts = counted(&*context.world.target).await?;
        Ok::<_, Error>(if counts.count(namespace) > 0 { Continue(()) } else { Break(()) })
    };
    let late = |()| {
        let message = format!("{what} could not be removed within {}", Span(SEEN.limit));
        Error::new(ErrorKind::Timeout, message)
    };
    Ok(context.look_again(step, SEEN, look, late).await?.into())
}

/// Returns a record with a vector in each field whose length is known, which every element type keeps, and every store that
/// makes unit vectors.
pub(super) fn probe_record(spec: &IndexSpec) -> Record {
    let is_wanted = |field: &VectorField| match field.kind {
        VectorKind::Dense => true,
        // An index with both takes records without the sparse one.
        VectorKind::Sparse => field.dimension.is_some() || spec.vector_type == VectorType::Sparse,
        VectorKind::Multi => false,
    };
    let vector = |field: VectorField| {
        let dimension = field.dimension.unwrap_or(0) as usize;
        let dense = (0..dimension).map(|at| if at == 0 { 1.0 } else { 0.0 });
        let vector = match field.kind {
            VectorKind::Sparse => SparseVector::new(vec![0], Vector::from_values([1.0]))?.into(),
            _ => Vector::from_values(dense).into(),
        };
        Some((field.name, vector))
    };
    let vectors = spec.vectors().into_iter().filter(is_wanted).filter_map(vector);
    Record {
        id: RecordId::new("vecshift-probe"),
        vectors: vectors.collect(),
        metadata: Metadata::default(),
    }
}
