//! Comparison of a measurement with a threshold. What cannot be compared is an error text, never a pass.

use super::Observed;
use crate::plan::{Comparison, Threshold};

/// Returns whether `observed` meets the threshold. `source` is the same measurement of the source; only a factor needs
/// it.
///
/// Units were checked when the plan was read. NaN meets nothing, not even `!=`.
/// Numbers compare exactly: a tolerance is written in the plan or there is none.
pub(super) fn holds(
    observed: &Observed,
    comparison: Comparison,
    threshold: &Threshold,
    source: Option<&Observed>,
) -> Result<bool, String> {
    match threshold {
        _ if *observed == Observed::Unanswered => Ok(false),
        Threshold::Bool(_) | Threshold::Word(_) => equality(observed, comparison, threshold),
        _ => {
            let left = number(observed)?;
            let right = limit(threshold, source)?;
            Ok(meets(left, comparison, right))
        }
    }
}

/// Returns the right-hand side as a number in the metric's base unit.
fn limit(threshold: &Threshold, source: Option<&Observed>) -> Result<f64, String> {
    let value = match threshold {
        Threshold::Number(value)
        | Threshold::Seconds(value)
        | Threshold::Bytes(value)
        | Threshold::Share(value)
        | Threshold::PerSecond(value)
        | Threshold::Dollars(value) => *value,
        Threshold::TimesSource(factor) => {
            let source = source.ok_or("the source was not measured")?;
            factor * number(source).map_err(|why| format!("of the source: {why}"))?
        }
        Threshold::Bool(_) | Threshold::Word(_) => return Err("not a number".into()),
    };
    if value.is_nan() { Err("the threshold is not a number".into()) } else { Ok(value) }
}

fn number(observed: &Observed) -> Result<f64, String> {
    match observed.number() {
        Some(value) if value.is_nan() => Err("the measured value is not a number".into()),
        Some(value) => Ok(value),
        None => Err(format!("`{observed}` cannot be compared with a number")),
    }
}

fn meets(left: f64, comparison: Comparison, right: f64) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

fn equality(
    observed: &Observed,
    comparison: Comparison,
    threshold: &Threshold,
) -> Result<bool, String> {
    let equal = match (observed, threshold) {
        (Observed::Bool(left), Threshold::Bool(right)) => left == right,
        (Observed::Word(left), Threshold::Word(right)) => left == right,
        _ => return Err(format!("`{observed}` cannot be compared with `{}`", text(threshold))),
    };
    match comparison {
        Comparison::Equal => Ok(equal),
        Comparison::NotEqual => Ok(!equal),
        _ => Err(format!("`{}` has no order", text(threshold))),
    }
}

/// The threshold as reports show it: `< 100 ms`, `<= 1.2x source (60 ms)`.
pub(super) fn threshold_text(
    comparison: Comparison,
    threshold: &Threshold,
    source: Option<&Observed>,
) -> String {
    let mut out = format!("{} {}", symbol(comparison), text(threshold));
    if let (Threshold::TimesSource(factor), Some(source)) = (threshold, source)
        && let Some(number) = source.number()
    {
        out.push_str(&format!(" ({})", source.with_number(number * factor)));
    }
    out
}

fn text(threshold: &Threshold) -> String {
    let observed = match threshold {
        Threshold::Number(value) => Observed::Number(*value),
        Threshold::Seconds(value) => Observed::Seconds(*value),
        Threshold::Bytes(value) => Observed::Bytes(*value),
        Threshold::Share(value) => Observed::Share(*value),
        Threshold::PerSecond(value) => Observed::PerSecond(*value),
        Threshold::Dollars(value) => Observed::Dollars(*value),
        Threshold::Bool(value) => Observed::Bool(*value),
        Threshold::Word(word) => Observed::Word(word.clone()),
        Threshold::TimesSource(factor) => return format!("{factor}x source"),
    };
    observed.to_string()
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    #[test]
    fn what_is_no_number_meets_nothing() {
        for comparison in ALL {
            let nan = holds(&Observed::Share(f64::NAN), comparison, &Threshold::Share(0.5), None);
            assert!(nan.is_err(), "{comparison:?}");
            let unanswered =
                holds(&Observed::Unanswered, comparison, &Threshold::Seconds(1.0), None);
            assert_eq!(unanswered, Ok(false), "{comparison:?}");
        }
    }

    #[test]
    fn a_factor_needs_the_source() {
        let holds = |source| {
            holds(
                &Observed::Seconds(0.1),
                Comparison::LessOrEqual,
                &Threshold::TimesSource(2.0),
                source,
            )
        };
        assert!(holds(None).is_err());
        assert!(holds(Some(&Observed::Unanswered)).is_err());
        assert!(holds(Some(&Observed::Seconds(f64::NAN))).is_err());
        assert_eq!(holds(Some(&Observed::Seconds(0.05))), Ok(true));
        assert_eq!(holds(Some(&Observed::Seconds(0.04))), Ok(false));
    }

    #[test]
    fn words_are_equal_or_not() {
        let metric = Observed::Word("cosine".into());
        let cosine = Threshold::Word("cosine".into());
        assert_eq!(holds(&metric, Comparison::Equal, &cosine, None), Ok(true));
        assert_eq!(holds(&metric, Comparison::NotEqual, &cosine, None), Ok(false));
        assert!(holds(&metric, Comparison::Less, &cosine, None).is_err());
        assert!(holds(&metric, Comparison::Equal, &Threshold::Bool(true), None).is_err());
        assert!(holds(&metric, Comparison::Equal, &Threshold::Number(1.0), None).is_err());
    }

    #[test]
    fn thresholds_show_what_the_source_makes_of_them() {
        let text = threshold_text(
            Comparison::LessOrEqual,
            &Threshold::TimesSource(1.2),
            Some(&Observed::Seconds(0.05)),
        );
        assert_eq!(text, "<= 1.2x source (60 ms)");
    }
}
