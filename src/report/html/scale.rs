//! From values to places along an axis, and the values at which an axis is marked.

use std::time::Duration;

/// An axis: the part of a drawing's width, in percent, on which values lie.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub least: f64,
    pub most: f64,
    /// The places of both.
    pub from: f64,
    pub to: f64,
    pub is_logarithmic: bool,
}

/// Values are this many times apart before an axis is logarithmic: on an even one the smaller would be nothing.
const FAR_APART: f64 = 300.0;

impl Scale {
    /// Makes an axis from nought to the largest of the values, with a little room; logarithmic where the values are far
    /// apart. `None` if there are no values that have a place.
    pub fn of(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Option<Self> {
        let mut bounds: Option<(f64, f64)> = None;
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            let (least, most) = bounds.unwrap_or((value, value));
            bounds = Some((least.min(value), most.max(value)));
        }
        let (least, most) = bounds?;
        let is_logarithmic = most / least > FAR_APART;
        let least = if is_logarithmic { least * 0.8 } else { 0.0 };
        Some(Self { least, most: most * 1.06, from, to, is_logarithmic })
    }

    /// Returns the place of a value, within the axis whatever it is.
    pub fn at(&self, value: f64) -> f64 {
        let share = match self.is_logarithmic {
            true => {
                (value.max(self.least).ln() - self.least.ln()) / (self.most.ln() - self.least.ln())
            }
            false => (value - self.least) / (self.most - self.least),
        };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.from + share * (self.to - self.from)
    }

    /// Returns the round values at which the axis is marked, about `wanted` of them.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        let all = match self.is_logarithmic {
            true => decades(self.least, self.most),
            false => round(self.most, wanted),
        };
        all.into_iter().filter(|tick| *tick <= self.most).collect()
    }
}

/// Returns round values from nought to `most`: steps of 1, 2 or 5 times a power of ten.
pub fn round(most: f64, wanted: usize) -> Vec<f64> {
    if !(most > 0.0 && most.is_finite()) {
        return vec![0.0];
    }
    let rough = most / wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power);
    (0..=(most / step * 1.000_001) as u32).map(|index| f64::from(index) * step).collect()
}

/// Returns the powers of ten between two values.
fn decades(least: f64, most: f64) -> Vec<f64> {
    let (first, last) = (least.log10().ceil() as i32, most.log10().floor() as i32);
    (first..=last).map(|power| 10_f64.powi(power)).collect()
}

/// Returns round times from nought to `span`, as clocks and calendars have them.
pub fn times(span: Duration, wanted: u32) -> Vec<Duration> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;
    let steps = [1, 2, 5, 10, 15, 30].map(Duration::from_secs).into_iter();
    let minutes = [1, 2, 5, 10, 15, 30].map(|count| Duration::from_secs(count * MINUTE));
    let hours = [1, 2, 3, 6, 12].map(|count| Duration::from_secs(count * HOUR));
    let days = [1, 2, 7, 14, 28, 91, 364].map(|count| Duration::from_secs(count * DAY));
    let small = [50, 100, 200, 500].map(Duration::from_millis).into_iter();
    let all: Vec<_> = small.chain(steps).chain(minutes).chain(hours).chain(days).collect();
    let fits = |step: &&Duration| span.as_secs_f64() / step.as_secs_f64() <= f64::from(wanted);
    let Some(step) = all.iter().find(fits).or(all.last()) else { return vec![Duration::ZERO] };
    let count = (span.as_secs_f64() / step.as_secs_f64()) as u32;
    (0..=count.min(4 * wanted)).map(|index| *step * index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_begins_at_nought_and_keeps_everything_within() {
        let scale = Scale::of([0.02, 0.1].into_iter(), (10.0, 90.0)).unwrap();
        assert!(!scale.is_logarithmic);
        assert_eq!(scale.at(0.0), 10.0);
        assert!(scale.at(0.1) < 90.0 && scale.at(0.1) > 80.0);
        for outside in [-5.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(scale.at(outside), 10.0, "{outside}");
        }
        assert_eq!(scale.at(7.0), 90.0);
        assert_eq!(scale.ticks(4), [0.0, 0.05, 0.1]);
    }

    #[test]
    fn values_far_apart_have_a_logarithmic_axis() {
        let scale = Scale::of([0.001, 3.0].into_iter(), (0.0, 100.0)).unwrap();
        assert!(scale.is_logarithmic);
        assert!(scale.at(0.001) > 0.0 && scale.at(0.01) < scale.at(0.1));
        assert_eq!(scale.ticks(4), [0.001, 0.01, 0.1, 1.0]);
        assert_eq!(scale.at(0.0), 0.0);
    }

    #[test]
    fn without_values_there_is_no_axis() {
        assert!(Scale::of([].into_iter(), (0.0, 100.0)).is_none());
        assert!(Scale::of([0.0, f64::NAN, f64::INFINITY].into_iter(), (0.0, 100.0)).is_none());
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(round(5_000.0, 3), [0.0, 2_000.0, 4_000.0]);
        assert_eq!(round(1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(round(0.0, 4), [0.0]);
        assert_eq!(round(3.0, 3), [0.0, 1.0, 2.0, 3.0]);
        for most in [1e-9, 0.3, 7.0, 1_204_311.0, 1e15] {
            let ticks = round(most, 4);
            assert!(ticks.len() >= 2 && ticks.len() <= 6, "{most}: {ticks:?}");
        }
    }

    #[test]
    fn times_are_those_of_clocks() {
        let of = |seconds: u64, wanted| {
            let ticks = times(Duration::from_secs(seconds), wanted);
            ticks.into_iter().map(|tick| tick.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(of(13, 4), [0, 5, 10]);
        assert_eq!(of(176_400, 4), [0, 86_400, 172_800]);
        assert_eq!(of(90_600, 4), [0, 43_200, 86_400]);
        assert_eq!(of(0, 4), [0]);
        for seconds in [1, 59, 3_601, 700_000, 90_000_000, 1_000_000_000] {
            let ticks = of(seconds, 4);
            assert!(ticks.len() <= 17, "{seconds}: {ticks:?}");
        }
    }
}
