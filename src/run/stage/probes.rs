//! Probe records, which a run writes to a namespace of their own and removes again.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    IndexDescription, IndexSpec, Metadata, Namespace, Record, RecordId, Span, SparseVector, Vector,
    VectorField, VectorKind, VectorType,
};
use crate::run::Context;
use crate::run::context::guard::{self, counted};
use crate::run::context::poll::Patience;

/// The longest time that the probe record may take to become readable.
const READABLE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

/// Writes, reads and removes one record in a namespace of its own.
pub(super) async fn probe(context: &Context, index: &IndexDescription) -> Result<()> {
    let target = &context.world.target;
    let namespace = guard::probe_namespace(context, "probe");
    let record = probe_record(&index.spec);
    let write = target.must_write()?;
    write.upsert(&namespace, std::slice::from_ref(&record)).await?.whole()?;
    let fetch = target.must_fetch()?;
    let patience = Patience { limit: READABLE, pause: PAUSE };
    let read = || async {
        let seen = fetch.fetch(&namespace, std::slice::from_ref(&record.id)).await?;
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
    let unread = |()| {
        let message = "a probe record could not be read back within 2 minutes";
        Error::new(ErrorKind::Timeout, message)
    };
    context.poll(patience, read, unread).await?;
    guard::remove_probe(context, &namespace).await?;
    wait_empty(context, &namespace, patience, "the probe record").await
}

/// Waits until the target counts no record in a namespace.
///
/// # Errors
/// `Timeout`, naming `what` is still there.
pub(super) async fn wait_empty(
    context: &Context,
    namespace: &Namespace,
    patience: Patience,
    what: &str,
) -> Result<()> {
    let look = || async {
        let counts = counted(&*context.world.target).await?;
        Ok(if counts.count(namespace) > 0 { Continue(()) } else { Break(()) })
    };
    let late = |()| {
        let message = format!("{what} could not be removed within {}", Span(patience.limit));
        Error::new(ErrorKind::Timeout, message)
    };
    context.poll(patience, look, late).await
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
