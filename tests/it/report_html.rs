//! The report as a page, and the parts of the model that only it draws. A browser looks at it in `tests/contract`.

use vecshift::model::Observed;
use vecshift::report::{Pace, Report, early_html, html};

use crate::journals::{rolled_back, waiting};
use crate::pages::{copied, early, reports, watched};

fn report_of(name: &str) -> Report {
    reports().into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// Returns what a reader sees of a page: without its markup, drawings and styles.
fn read(page: &str) -> String {
    let body = page.split("<body>").nth(1).unwrap();
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
        text.push(' ');
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&#x2f;", "/");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_page_says_first_how_it_ended_and_what_to_type() {
    let text = read(&html(&report_of("rolled-back")).unwrap());
    for (before, after) in [
        ("✗ Rolled back", "canary failed: p95(query) < 100ms over 10m at 25%"),
        ("Next.", "vecshift run plans/twins.yaml"),
        ("Needs attention", "Could not be measured error_rate < 1%"),
        ("Actual", "not measured, n 0"),
        ("Stages and waits", "Every stretch of time"),
    ] {
        let at = text.find(before).unwrap_or_else(|| panic!("{before}: {text}"));
        assert!(text[at..].contains(after), "{before} {after}: {text}");
    }
    let text = read(&html(&report_of("waiting")).unwrap());
    assert!(text.contains("Waiting For approval of canary step 2"), "{text}");
    assert!(text.contains("vecshift approve plans/twins.yaml --stage canary --step 2"), "{text}");
    let text = read(&html(&report_of("stuck")).unwrap());
    assert!(text.contains("Left behind canary: the weight cannot be set"), "{text}");
    assert!(text.contains("Traffic at the target Unknown"), "{text}");
}

/// Nothing that was not measured is a number.
#[test]
fn a_run_that_has_not_begun_has_no_noughts() {
    for name in ["not-begun", "begun"] {
        let text = read(&html(&report_of(name)).unwrap());
        for said in [
            "Records copied None yet",
            "Traffic at the target Not moved",
            "Assertions None judged",
            "No latency was measured",
            "No record has been copied yet",
            "Records have not been compared",
            "Costs were not estimated",
        ] {
            assert!(text.contains(said), "{name}: {said}: {text}");
        }
        assert!(!text.contains("0 of 0") && !text.contains("0 ms"), "{name}: {text}");
    }
}

#[test]
fn no_name_or_text_becomes_markup() {
    let pages = [html(&report_of("hostile")).unwrap(), early_html(&early()).unwrap()];
    for page in pages {
        for markup in ["<script", "<img", "<svg/", "onload=alert(1)&gt;<", "</style></"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert_eq!(page.matches("<title>").count(), 1);
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("{{ 7 * 7 }}"));
        let acted_on = |one: &char| one.is_control() && *one != '\n';
        assert_eq!(page.chars().find(acted_on), None);
        assert!(!page.contains(['\u{202e}', '\u{2066}']) && page.contains("\\u{202e}"));
    }
}

#[test]
fn every_prefix_of_a_journal_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = rolled_back(dir.path(), true);
    for cut in 0..=all.len() {
        html(&Report::from_entries(&all[..cut]).unwrap()).unwrap();
    }
    all = watched();
    for cut in 0..=all.len() {
        html(&Report::from_entries(&all[..cut]).unwrap()).unwrap();
    }
}

#[test]
fn a_page_stays_small_and_says_what_it_leaves_out() {
    let of = |namespaces| html(&Report::from_entries(&copied(namespaces)).unwrap()).unwrap();
    let (few, many) = (of(12), of(20_000));
    assert!(few.len() < 200_000, "{}", few.len());
    assert!(many.len() < 1_000_000, "{}", many.len());
    assert!(!few.contains("rows."));
    assert!(many.contains("The first 1,000 of 20,000 rows."));
    // What is not proven comes first, so that no cut hides it.
    assert!(many.contains("creator_019999_and_more_of_its_name"), "the last one is not complete");
}

#[test]
fn a_run_knows_how_each_stage_spent_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let report = Report::from_entries(&rolled_back(dir.path(), false)).unwrap();
    let spent: Vec<_> = report
        .timeline
        .iter()
        .map(|one| {
            let seconds = one.to.unwrap().duration_since(one.from).as_secs();
            (one.stage.as_str(), one.pace, seconds, one.what.as_deref().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        spent,
        [
            ("audit", Pace::Work, 4, ""),
            ("copy", Pace::Work, 4, ""),
            ("canary", Pace::Bake, 3_600, "step 1 at 5%"),
            ("canary", Pace::Wait, 600, "approval of canary step 2"),
            ("canary", Pace::Bake, 86_400, "step 2 at 25%"),
            ("canary", Pace::Undo, 0, ""),
            ("copy", Pace::Undo, 0, ""),
            ("audit", Pace::Undo, 0, ""),
        ]
    );
    let weights: Vec<_> =
        report.weights.iter().map(|one| one.weight.unwrap().to_string()).collect();
    assert_eq!(weights, ["5%", "25%", "0%"]);
    let records: Vec<_> = report.records.iter().map(|one| one.records).collect();
    assert_eq!(records, [0, 1_500, 2_000]);

    let dir = tempfile::tempdir().unwrap();
    let report = Report::from_entries(&waiting(dir.path())).unwrap();
    let last = report.timeline.last().unwrap();
    assert_eq!((last.pace, last.to), (Pace::Wait, None), "it still waits");
}

#[test]
fn a_process_that_is_gone_was_at_work_until_its_last_event() {
    let report = Report::from_entries(&watched()).unwrap();
    let last = report.timeline.last().unwrap();
    assert_eq!((last.pace, last.what.as_deref()), (Pace::Bake, Some("step 2 at 25%")));
    assert_eq!(last.to.unwrap(), last.from, "nobody has seen it since");
}

#[test]
fn latencies_are_those_of_the_last_watch_of_a_step() {
    let report = Report::from_entries(&watched()).unwrap();
    let [first, second] = report.latencies.as_slice() else { panic!("{:?}", report.latencies) };
    assert_eq!(first.place_in_run(), "canary step 1 (5%)");
    assert_eq!((first.source.samples, first.target.samples), (200, 200));
    let seconds = |observed: &Option<Observed>| observed.as_ref().unwrap().number().unwrap();
    assert!((seconds(&first.source.p99) - 0.02).abs() < 1e-4);
    assert!((seconds(&first.target.p50) - 0.03).abs() < 1e-4);
    assert!((seconds(&first.target.p99) - 0.08).abs() < 1e-4);
    assert!(second.source.is_empty() && second.source.samples == 0, "{second:?}");
    let text = read(&html(&report).unwrap());
    assert!(text.contains("canary step 2 (25%) source not measured"), "{text}");
    assert!(text.contains("requested, not read back"), "{text}");
}

#[test]
fn thresholds_are_found_in_the_assertions() {
    let report = report_of("rolled-back");
    assert!(
        report.latencies.is_empty(),
        "judged, but nothing of what was measured is in the journal"
    );
    let mut all = watched();
    let dir = tempfile::tempdir().unwrap();
    let judged: Vec<_> = rolled_back(dir.path(), false)
        .into_iter()
        .filter(|entry| serde_json::to_value(entry).unwrap()["event"] == "judged")
        .filter(|entry| serde_json::to_value(entry).unwrap()["stage"] == "canary")
        .collect();
    for mut entry in judged {
        (entry.seq, entry.at) = (all.len() as u64, all.last().unwrap().at);
        all.push(entry);
    }
    let report = Report::from_entries(&all).unwrap();
    let limits: Vec<_> = report
        .latencies
        .iter()
        .flat_map(|one| &one.limits)
        .map(|limit| (limit.percentile.as_str(), limit.seconds, limit.verdict.name()))
        .collect();
    assert_eq!(limits, [("p95", 0.1, "pass"), ("p95", 0.1, "fail")]);
    let page = html(&report).unwrap();
    assert!(page.contains("p95 &lt; 100 ms"), "the threshold is in the drawing");
    assert!(read(&page).contains("A threshold was missed in canary step 2 (25%)."));
}
