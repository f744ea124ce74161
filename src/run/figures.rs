//! Names of figures that several stages read.

/// The figure that records that the target has been read. It outlives the attempt that noted it.
pub(crate) const COLD_FIGURE: &str = "cold_namespaces";
