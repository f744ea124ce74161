//! Numbers by their digits, for those that no float keeps.

use std::cmp::Ordering;
use std::fmt;

/// A number as digits without zeros at either end, and the place of its point: `0.00120` is `12` and -2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// The power of ten that the digits, read behind a point, are multiplied by; 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// Reads the text of a number of JSON or SQL; `None` if it is none, or has an exponent beyond all sense.
    pub fn read(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        if all.clone().next().is_none() || !all.clone().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = all.clone().take_while(|byte| *byte == b'0').count();
        let mut digits: Vec<u8> = all.skip(leading).collect();
        digits.truncate(digits.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1));
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let exponent = i64::from(power) + whole.len() as i64 - leading as i64;
        Some(Self { is_negative, digits, exponent })
    }

    /// Returns the shortest digits that read as this float; `None` if it is infinite or no number.
    pub fn of(float: f64) -> Option<Self> {
        float.is_finite().then(|| Self::read(&format!("{float:e}"))).flatten()
    }

    /// Returns how many digits stand behind its point.
    pub fn decimals(&self) -> u64 {
        let decimals = self.digits.len() as i64 - self.exponent;
        u64::try_from(decimals).unwrap_or(0)
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

impl fmt::Display for Decimal {
    /// Writes the one spelling that all spellings of the number have in common.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = String::from_utf8_lossy(&self.digits);
        write!(f, "{sign}0.{digits}e{}", self.exponent)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_has_many_spellings() {
        for same in [["1.10", "11e-1"], ["-0", "0.00"], ["120", "1.2E+2"], ["0.00120", "12e-4"]] {
            let [a, b] = same.map(|text| Decimal::read(text).unwrap());
            assert_eq!(a, b, "{same:?}");
        }
        for none in ["", "-", ".", "1.2.3", "NaN", "1e", "0x1", " 1"] {
            assert_eq!(Decimal::read(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn the_order_is_that_of_the_floats(
            a in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
            b in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
        ) {
            proptest::prop_assert_eq!(Decimal::of(a).partial_cmp(&Decimal::of(b)), a.partial_cmp(&b));
        }
    }
}
