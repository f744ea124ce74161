//! SideSamples of samples that can be added up: what a window is made of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{MeasuredValue, Observed, Operation, Outcome, Sample, Side};
use crate::error::ErrorKind;

/// Significant decimal digits of a latency: a percentile is at most 0.1 % too high.
const DIGITS: u8 = 3;

/// Longer latencies are kept as this; also bounds the size of a histogram.
const LONGEST_US: u64 = 3_600_000_000;

/// The samples of a stretch of time, both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    #[serde(default, skip_serializing_if = "SideSamples::is_empty")]
    source: SideSamples,
    #[serde(default, skip_serializing_if = "SideSamples::is_empty")]
    target: SideSamples,
}

impl Samples {
    pub fn record(&mut self, sample: &Sample) {
        match sample.side {
            Side::Source => self.source.record(sample),
            Side::Target => self.target.record(sample),
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.source.add(&other.source);
        self.target.add(&other.target);
    }

    pub fn side(&self, side: Side) -> &SideSamples {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// The samples of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SideSamples {
    #[serde(default, skip_serializing_if = "Latencies::is_empty")]
    query: Latencies,
    #[serde(default, skip_serializing_if = "Latencies::is_empty")]
    cold: Latencies,
    #[serde(default, skip_serializing_if = "Latencies::is_empty")]
    fetch: Latencies,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    overlaps: BTreeMap<u32, Mean>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    filtered_overlaps: BTreeMap<u32, Mean>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    sparse_overlaps: BTreeMap<u32, Mean>,
}

impl SideSamples {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn record(&mut self, sample: &Sample) {
        let latencies = match sample.operation {
            Operation::Query => &mut self.query,
            Operation::ColdQuery => &mut self.cold,
            Operation::Fetch => &mut self.fetch,
        };
        latencies.record(sample);
        for overlap in &sample.overlaps {
            self.overlaps.entry(overlap.k).or_default().record(overlap.share);
            if sample.is_filtered {
                self.filtered_overlaps.entry(overlap.k).or_default().record(overlap.share);
            }
            if sample.has_sparse {
                self.sparse_overlaps.entry(overlap.k).or_default().record(overlap.share);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.query.add(&other.query);
        self.cold.add(&other.cold);
        self.fetch.add(&other.fetch);
        for (k, mean) in &other.overlaps {
            self.overlaps.entry(*k).or_default().add(mean);
        }
        for (k, mean) in &other.filtered_overlaps {
            self.filtered_overlaps.entry(*k).or_default().add(mean);
        }
        for (k, mean) in &other.sparse_overlaps {
            self.sparse_overlaps.entry(*k).or_default().add(mean);
        }
    }

    /// The value of a metric, by its name and argument; `None` if samples do not show it.
    pub fn value(&self, name: &str, argument: Option<&str>) -> Option<MeasuredValue> {
        match (name, argument) {
            ("requests", None) => Some(self.query.requests()),
            ("error_rate", None) => Some(self.query.error_rate()),
            ("overlap", Some(k)) => Some(mean(&self.overlaps, k)),
            ("filtered_overlap", Some(k)) => Some(mean(&self.filtered_overlaps, k)),
            ("sparse_overlap", Some(k)) => Some(mean(&self.sparse_overlaps, k)),
            ("cold", Some("query")) => Some(self.cold.slowest()),
            (name, Some("query")) => self.query.percentile(name),
            (name, Some("fetch")) => self.fetch.percentile(name),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Latencies {
    answered: u64,
    failed: u64,
    slowest: Duration,
    /// Created by the first answer, so that an unused one costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "counts")]
    histogram: Option<Histogram<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_failure: Option<Cow<'static, str>>,
}

/// Writes a map as pairs: an event's maps have texts for keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Mean;

    pub fn serialize<S: Serializer>(map: &BTreeMap<u32, Mean>, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<u32, Mean>, D::Error> {
        Ok(Vec::<(u32, Mean)>::deserialize(from)?.into_iter().collect())
    }
}

/// Writes a histogram as its values and how often each was recorded.
mod counts {
    use hdrhistogram::Histogram;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::DIGITS;

    pub fn serialize<S: Serializer>(
        histogram: &Option<Histogram<u32>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let recorded = histogram.iter().flat_map(Histogram::iter_recorded);
        let counts: Vec<(u64, u32)> =
            recorded.map(|step| (step.value_iterated_to(), step.count_at_value())).collect();
        counts.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Histogram<u32>>, D::Error> {
        let counts = Vec::<(u64, u32)>::deserialize(from)?;
        let mut histogram = Histogram::new(DIGITS).map_err(serde::de::Error::custom)?;
        for (value, count) in counts {
            histogram.record_n(value, count).map_err(serde::de::Error::custom)?;
        }
        Ok(Some(histogram))
    }
}

impl Latencies {
    fn is_empty(&self) -> bool {
        self.total() == 0
    }

    fn record(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Answered if self.keep(sample.latency) => {
                self.answered += 1;
                self.slowest = self.slowest.max(sample.latency);
            }
            Outcome::Answered => self.fail(ErrorKind::Unexpected.name()),
            Outcome::Failed(kind) => self.fail(kind.name()),
            Outcome::Overloaded => self.fail("overloaded"),
        }
    }

    fn fail(&mut self, why: &'static str) {
        self.failed += 1;
        self.last_failure = Some(Cow::Borrowed(why));
    }

    /// SideSamples one latency. Returns whether the histogram took it, which it always does within its bounds.
    fn keep(&mut self, latency: Duration) -> bool {
        let micros = u64::try_from(latency.as_nanos().div_ceil(1000)).unwrap_or(LONGEST_US);
        if self.histogram.is_none() {
            self.histogram = Histogram::new(DIGITS).ok();
        }
        self.histogram
            .as_mut()
            .is_some_and(|histogram| histogram.record(micros.min(LONGEST_US)).is_ok())
    }

    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.slowest = self.slowest.max(other.slowest);
        if other.last_failure.is_some() {
            self.last_failure.clone_from(&other.last_failure);
        }
        match (&mut self.histogram, &other.histogram) {
            (_, None) => {}
            (Some(mine), Some(theirs)) => {
                if mine.add(theirs).is_err() {
                    self.fail(ErrorKind::Unexpected.name());
                }
            }
            (mine, theirs) => mine.clone_from(theirs),
        }
    }

    fn total(&self) -> u64 {
        self.answered + self.failed
    }

    fn requests(&self) -> MeasuredValue {
        value(Observed::count(self.total()), self.total())
    }

    fn error_rate(&self) -> MeasuredValue {
        let share = self.failed as f64 / self.total() as f64;
        value(Observed::Share(share), self.total())
    }

    /// Returns a percentile or the maximum by its name (`p50`, `p99.9`, `max`); `None` for any other name.
    fn percentile(&self, name: &str) -> Option<MeasuredValue> {
        if name == "max" {
            return Some(self.slowest());
        }
        let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
        if !(percent > 0.0 && percent < 100.0) {
            return None;
        }
        // In thousandths of a percent, so that the rank is exact.
        let thousandths = (percent * 1e3).round() as u128;
        let rank = (thousandths * u128::from(self.total())).div_ceil(100_000) as u64;
        Some(self.at_rank(rank))
    }

    fn slowest(&self) -> MeasuredValue {
        self.at_rank(self.total())
    }

    /// The latency at a rank from 1 to the total; failed ones rank last.
    fn at_rank(&self, rank: u64) -> MeasuredValue {
        if self.answered == 0 && self.failed > 0 {
            let last = self.last_failure.as_deref().unwrap_or("unexpected");
            let reason = format!("none of {} was answered, the last one: {last}", self.failed);
            return MeasuredValue::NotMeasured { reason };
        }
        let observed = match &self.histogram {
            Some(histogram) if rank > 0 && rank <= self.answered => {
                // Half a rank below the rank, so that rounding cannot lift it to the next one.
                let quantile = (rank as f64 - 0.5) / self.answered as f64;
                let micros = histogram.value_at_quantile(quantile);
                Observed::Seconds((micros as f64 / 1e6).min(self.slowest.as_secs_f64()))
            }
            _ => Observed::Unanswered,
        };
        value(observed, self.total())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn record(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }
}

fn mean(means: &BTreeMap<u32, Mean>, k: &str) -> MeasuredValue {
    let mean = k.parse().ok().and_then(|k: u32| means.get(&k)).copied().unwrap_or_default();
    value(Observed::Share(mean.sum / mean.count as f64), mean.count)
}

fn value(observed: Observed, samples: u64) -> MeasuredValue {
    MeasuredValue::Value { observed, samples }
}
