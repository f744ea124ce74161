//! Seeded records: unit vectors around a few centres, so that neighbours mean something.
//!
//! The same seed gives the same records in every version: the generator is Xoshiro256++, which the `rand`
//! crate promises to keep, and everything drawn comes from its raw 64-bit words.

use std::collections::BTreeSet;

use minijinja::{Environment, UndefinedBehavior, context};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::error::{Error, Result};
use crate::model::{Metric, Namespace, Record, SparseVector, Vector, Vectors};
use crate::plan::file::{RehearsalMetadata, RehearsalSource};

use super::metadata::metadata;

/// Number of centres in a world.
const CENTRES: usize = 24;

/// Number of directions in which records lie off their centre, each in three of them: drawing every component of every
/// record would take longer than everything else a rehearsal does before it starts.
const DIRECTIONS: usize = 64;
const OFF_CENTRE: usize = 3;

/// Largest distance of a record from its centre in one direction; the centre itself has length 1.
const SPREAD: f32 = 1.5;

pub(super) struct Generator {
    random: Xoshiro256PlusPlus,
    centres: Vec<Vec<f32>>,
    directions: Vec<Vec<f32>>,
    has_sparse: bool,
    kind: RehearsalMetadata,
    /// Namespaces that still get records and how many, the current one last.
    left: Vec<(Namespace, u64)>,
    made: u64,
}

impl Generator {
    pub fn new(dimension: u32, metric: Metric, source: &RehearsalSource) -> Result<Self> {
        let sized = sized(source)?;
        let mut random = Xoshiro256PlusPlus::seed_from_u64(source.seed.unwrap_or(1));
        let mut draw =
            |count| (0..count).map(|_| direction(&mut random, dimension as usize)).collect();
        let (centres, directions) = (draw(CENTRES), draw(DIRECTIONS));
        let left = sized.into_iter().rev().collect();
        let has_sparse = metric == Metric::Dotproduct;
        let kind = source.metadata.unwrap_or_default();
        Ok(Self { random, centres, directions, has_sparse, kind, left, made: 0 })
    }

    fn vector(&mut self) -> Vec<f32> {
        let mut values = self.centres[self.random.next_u64() as usize % CENTRES].clone();
        for _ in 0..OFF_CENTRE {
            let direction = &self.directions[self.random.next_u64() as usize % DIRECTIONS];
            let distance = SPREAD * (bell(&mut self.random) / BELL_HALF);
            values.iter_mut().zip(direction).for_each(|(value, off)| *value += distance * off);
        }
        unit(values)
    }

    fn record(&mut self) -> Record {
        let vector = self.vector();
        let sparse = if self.has_sparse && self.made.is_multiple_of(3) {
            Some(sparse(&mut self.random))
        } else {
            None
        };
        self.made += 1;
        Record {
            id: format!("rec-{:06}", self.made).into(),
            vectors: Vectors::plain(Vector::from_values(vector), sparse),
            metadata: metadata(self.kind, &mut self.random),
        }
    }
}

impl Iterator for Generator {
    type Item = (Namespace, Record);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (namespace, left) = self.left.last_mut()?;
            if *left == 0 {
                self.left.pop();
                continue;
            }
            *left -= 1;
            let namespace = namespace.clone();
            return Some((namespace, self.record()));
        }
    }
}

/// Returns the namespaces and the number of records of each.
fn sized(source: &RehearsalSource) -> Result<Vec<(Namespace, u64)>> {
    if !source.sizes.is_empty() {
        let sized = source.sizes.iter();
        return Ok(sized.map(|(name, size)| (Namespace::new(name), *size)).collect());
    }
    let records = source.records.ok_or_else(|| {
        Error::invalid("a generated rehearsal needs a number of records")
            .with_hint("say `records`, `sizes` or `data` in `rehearsal.source`")
    })?;
    let names = names(source)?;
    let sizes = sizes(records, names.len());
    Ok(names.into_iter().zip(sizes).collect())
}

/// Returns the namespaces' names by the template, which must give each its own.
fn names(source: &RehearsalSource) -> Result<Vec<Namespace>> {
    let count = source.namespaces.unwrap_or(1);
    let template = source.namespace_names.as_deref().unwrap_or("ns_{{ n }}");
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let render = |n: u32| {
        environment.render_str(template, context! { n }).map_err(|error| {
            Error::invalid("the template of `rehearsal.source.namespace_names` does not work")
                .with_source(error)
        })
    };
    let names: Vec<Namespace> =
        (1..=count).map(|n| render(n).map(Namespace::from)).collect::<Result<_>>()?;
    let distinct: BTreeSet<_> = names.iter().collect();
    if distinct.len() != names.len() {
        return Err(Error::invalid("the rehearsal's namespaces must have different names")
            .with_hint("use `{{ n }}` in `rehearsal.source.namespace_names`"));
    }
    Ok(names)
}

/// Returns the number of records of each namespace: falling like 1/sqrt(n), adding up to `records`.
fn sizes(records: u64, namespaces: usize) -> Vec<u64> {
    let weight = |n: usize| 1.0 / ((n + 1) as f64).sqrt();
    let total: f64 = (0..namespaces).map(weight).sum();
    let mut sizes: Vec<u64> =
        (0..namespaces).map(|n| (records as f64 * weight(n) / total) as u64).collect();
    // Rounding down leaves less than one record per namespace; the smallest get them.
    let rest = records.saturating_sub(sizes.iter().sum());
    sizes.iter_mut().rev().take(rest as usize).for_each(|size| *size += 1);
    sizes
}

/// Draws a random direction: a unit vector.
fn direction(random: &mut impl Rng, dimension: usize) -> Vec<f32> {
    unit((0..dimension).map(|_| bell(random)).collect())
}

/// Largest value of [`bell`].
const BELL_HALF: f32 = 131_070.0;

/// Draws a bell-shaped number around 0: the sum of four 16-bit parts of one word.
fn bell(random: &mut impl Rng) -> f32 {
    let word = random.next_u64();
    let parts = (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48);
    parts as f32 - BELL_HALF
}

fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        values.iter_mut().for_each(|value| *value /= norm);
    }
    values
}

fn sparse(random: &mut impl Rng) -> SparseVector {
    let count = 4 + random.next_u64() % 12;
    let indices: BTreeSet<u32> = (0..count).map(|_| (random.next_u64() % 30_000) as u32).collect();
    let values = indices.iter().map(|_| 0.1 + (random.next_u64() % 1000) as f32 / 1000.0);
    let values = Vector::from_values(values.collect::<Vec<_>>());
    SparseVector { indices: indices.into_iter().collect(), values }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::emulator::World;
    use crate::plan::file::RehearsalKind;

    fn source() -> RehearsalSource {
        RehearsalSource {
            kind: RehearsalKind::new("pod"),
            records: Some(500),
            namespaces: Some(4),
            sizes: BTreeMap::new(),
            metadata: None,
            indexed: None,
            namespace_names: Some("twin_{{ '%03d'|format(n) }}".to_owned()),
            dimension: Some(32),
            metric: None,
            data: None,
            seed: None,
        }
    }

    fn records(source: &RehearsalSource) -> Vec<(Namespace, Record)> {
        let world = World::generated("twins", source, None, None).unwrap();
        world.into_parts().1.collect::<Result<_>>().unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_world() {
        let first = records(&source());
        assert_eq!(first, records(&source()));
        assert_ne!(first, records(&RehearsalSource { seed: Some(2), ..source() }));
        assert_eq!(first.len(), 500);
    }

    #[test]
    fn namespaces_have_their_names_and_sizes() {
        let records = records(&source());
        let count = |name: &str| records.iter().filter(|(ns, _)| ns.as_str() == name).count();
        let counts = ["twin_001", "twin_002", "twin_003", "twin_004"].map(count);
        assert_eq!(counts.iter().sum::<usize>(), 500);
        assert!(counts.windows(2).all(|pair| pair[0] > pair[1]), "{counts:?}");
        assert_eq!(sizes(3, 4).iter().sum::<u64>(), 3);
        assert_eq!(sizes(0, 2), [0, 0]);
    }

    #[test]
    fn vectors_are_unit_and_clustered() {
        let records = records(&source());
        let dot =
            |a: &Vector, b: &Vector| a.values().zip(b.values()).map(|(a, b)| a * b).sum::<f32>();
        let first = records[0].1.dense();
        assert!((dot(first, first) - 1.0).abs() < 1e-5);
        let nearest =
            records[1..].iter().map(|(_, other)| dot(first, other.dense())).fold(0.0, f32::max);
        assert!(nearest > 0.5, "{nearest}");
    }

    #[test]
    fn sparse_values_come_with_dotproduct_only() {
        assert!(records(&source()).iter().all(|(_, record)| record.sparse().is_none()));
        let dotproduct = RehearsalSource { metric: Some(Metric::Dotproduct), ..source() };
        let some = records(&dotproduct).iter().filter(|(_, r)| r.sparse().is_some()).count();
        assert_eq!(some, 167);
    }

    #[test]
    fn a_template_that_names_all_alike_is_refused() {
        let wrong = |template: &str| {
            let source = RehearsalSource { namespace_names: Some(template.to_owned()), ..source() };
            World::generated("twins", &source, None, None).err().unwrap().to_string()
        };
        assert!(wrong("same").contains("different names"));
        assert!(wrong("{{ m }}").contains("does not work"));
    }
}
