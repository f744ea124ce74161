//! Properties of every plan and every text.

use proptest::prelude::*;
use vecshift::model::Span;
use vecshift::plan::assertion::ParsedAssertion;
use vecshift::plan::{self, Inputs};
use vecshift::provider::language;

/// Generates texts of assertions that are right by the grammar.
fn assertion() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "[a-z][a-z_]{0,8}(\\.[a-z][a-z_]{0,8})?",
        "[a-z][a-z0-9]{0,4}\\([a-z][a-z0-9_-]{0,8}\\)",
        (1..=10_000_u32).prop_map(|k| format!("overlap@{k}")),
    ];
    let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let value = prop_oneof![
        (0..1_000_000_u32).prop_map(|n| n.to_string()),
        (0.0..1.0_f64).prop_map(|n| n.to_string()),
        (0..=100_u32).prop_map(|n| format!("{n}%")),
        (1..10_000_u32).prop_map(|n| format!("{n}ms")),
        (1..100_u32).prop_map(|n| format!("{n} MiB")),
        (1..100_u32).prop_map(|n| format!("{n}/s")),
        (1..100_u32).prop_map(|n| format!("${n}")),
        (1..50_u32).prop_map(|n| format!("{}x source", f64::from(n) / 10.0)),
        Just("true".to_owned()),
        Just("cosine".to_owned()),
    ];
    let over = prop::option::of((1..500_u32, prop::sample::select(vec!["s", "m", "h", "d"])));
    (name, operator, value, over).prop_map(|(name, operator, value, over)| {
        let over = over.map(|(n, unit)| format!(" over {n}{unit}")).unwrap_or_default();
        format!("{name} {operator} {value}{over}")
    })
}

fn plan_of(blocks: &[String]) -> String {
    blocks.concat()
}

proptest! {
    #[test]
    fn an_assertion_prints_as_it_was_written(text in assertion()) {
        let parsed: ParsedAssertion = text.parse().unwrap();
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn spacing_around_the_parts_does_not_matter(text in assertion(), gap in " {1,4}") {
        let parsed: ParsedAssertion = text.parse().unwrap();
        let spaced: ParsedAssertion = format!("{gap}{}{gap}", text.replace(' ', &gap)).parse().unwrap();
        prop_assert_eq!(parsed.to_string(), spaced.to_string());
        prop_assert_eq!(parsed.value.value, spaced.value.value);
    }

    #[test]
    fn no_text_makes_the_assertion_parser_panic(text in "\\PC{0,60}") {
        if let Err(error) = text.parse::<ParsedAssertion>() {
            prop_assert!(error.range.end <= text.len());
            prop_assert!(text.is_char_boundary(error.range.start));
        }
    }

    #[test]
    fn durations_come_back_from_their_words(millis in 0..10_000_000_000_u64) {
        let span = Span(std::time::Duration::from_millis(millis));
        prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_keys(
        order in Just(vec![0_usize, 1, 2, 3, 4, 5]).prop_shuffle(),
        comments in prop::collection::vec("[ a-z]{0,20}", 6),
    ) {
        let blocks = [
            "version: 1\n",
            "name: example\n",
            "source: { provider: pinecone, index: old }\n",
            "target: { index: new, provider: pinecone }\n",
            "writes: paused\n",
            "stages:\n  - kind: copy\n    parallel: 2\n    assert: [copy.failed == 0]\n",
        ];
        let folder = tempfile::tempdir().unwrap();
        let digest = |text: &str| {
            let path = folder.path().join("plan.yaml");
            std::fs::write(&path, text).unwrap();
            language().read(&path, &Inputs::default()).unwrap().plan.digest
        };
        let shuffled: Vec<String> =
            order.iter().zip(&comments).map(|(at, comment)| format!("#{comment}\n{}", blocks[*at])).collect();
        prop_assert_eq!(digest(&plan_of(&shuffled)), digest(&blocks.concat()));
    }

    #[test]
    fn no_text_makes_reading_panic(
        text in "(version|name|stages|- |kind|copy|assert|: |\\n|  |\\{|\\}|\\[|\\]|\\{\\{|\\}\\}|&a |\\*a|\"|'|1|%|é|<<|#|\\||,){0,40}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, &text).unwrap();
        if let Err(found) = language().read(&path, &Inputs::default()) {
            prop_assert!(found.has_errors());
            prop_assert!(!found.render(plan::Colour::Never).is_empty());
        }
    }

    #[test]
    fn a_change_anywhere_in_a_plan_never_panics(at in 0..4000_usize, with in "\\PC{0,4}") {
        let sample = std::fs::read_to_string("tests/plans/valid/sample.yaml").unwrap();
        let at = (0..=at.min(sample.len())).rev().find(|at| sample.is_char_boundary(*at)).unwrap();
        let rest = sample[at..].chars().skip(1).collect::<String>();
        let text = format!("{}{with}{rest}", &sample[..at]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, text).unwrap();
        if let Err(found) = language().read(&path, &Inputs::default()) {
            prop_assert!(found.has_errors());
            found.render(plan::Colour::Always);
        }
    }
}
