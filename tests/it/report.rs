//! Reports of crafted journals, in every format.

use insta::assert_snapshot;
use vecshift::journal::{Cause, Event, Hold, Phase, RunState, Trouble};
use vecshift::model::{Namespace, Side};
use vecshift::report::{Ending, Look, Report, junit, markdown, table};

use crate::journals::{Writer, entries, rolled_back, waiting};

fn report_of_a_rollback(rehearsal: bool) -> Report {
    let dir = tempfile::tempdir().unwrap();
    Report::from_entries(&rolled_back(dir.path(), rehearsal)).unwrap()
}

#[test]
fn a_table_fits_eighty_columns() {
    let text = table(&report_of_a_rollback(false), Look::default());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_snapshot!(text, @r#"
    ✗ Rolled back: canary failed: p95(query) < 100ms over 10m at 25%

      plan      twins (plans/twins.yaml)
      run       01J9ZZZZZZZZZZZZZZZZZZZZZZ, digest sha256:9c1f…e07a
      from, to  pinecone twins-pod -> pinecone twins-serverless
      time      2026-11-02 09:00:00 UTC to 2026-11-03 10:10:08 UTC, 25 h 10 min
      by        ada@desk (process 7)

    stage, assertion        threshold           observed       n  verdict    time
    audit                                                         ✓ passed   4 s
      source.dimension      == 3,072            3,072          1  ✓ pass
    copy                                                          ✓ passed   4 s
      copy.failed           == 0                0              1  ✓ pass
    canary                                                        ✗ failed   25 h
      step 1, weight 5%                                           ✓ passed   1 h
        p95(query), 10 min  < 100 ms            87.2 ms   12,000  ✓ pass
      step 2, weight 25%                                          ✗ failed   24 h
        p95(query), 10 min  < 100 ms            213 ms    12,000  ✗ fail
        error_rate          < 1 %               -              0  ! error
        p95(query)          <= 1.2x source (96  213 ms    12,000  ~ warn
                            ms)
    decommission                                                  … pending

    Did not pass (3)
      ✗ fail  canary step 2 (25%): p95(query) < 100ms over 10m
        asked in  plans/twins.yaml:41:9
        expected  < 100 ms
        actual    213 ms, n 12,000, over the last 10 min
        meanwhile the source's p95(query) in the same window was 180 ms, n 11,998
      ! error  canary step 2 (25%): error_rate < 1%
        asked in  plans/twins.yaml:44:9
        expected  < 1 %
        actual    -, n 0
        because   no probe answered
      ~ warn  canary step 2 (25%): p95(query) <= 1.2x source
        asked in  plans/twins.yaml:45:9
        expected  <= 1.2x source (96 ms)
        actual    213 ms, n 12,000

    What happened
      audit: sample of 500 records: audit/samples.parquet
      audit: rolled back: nothing to undo
      copy: 2,000 of 2,000 records, 2 of 2 namespaces complete, 24.8 MB, 500/s; 0
        failed, 0 missing
      copy: rolled back: 2,000 records kept in the target
      canary: rolled back: weight 0%, read back
      canary step 2 approved by grace at 2026-11-02 10:10:08 UTC

    Rollback: done
    Traffic: 0% of it goes to pinecone twins-serverless
    Next: once the cause is gone, begin a new run
      vecshift run plans/twins.yaml
    "#);
}

#[test]
fn a_rehearsal_says_so_first() {
    let report = report_of_a_rollback(true);
    let text = table(&report, Look::default());
    assert!(text.starts_with("REHEARSAL: emulator, clock scaled"), "{text}");
    let note = report.rehearsal_note().unwrap();
    assert!(note.contains("Waits were skipped: canary 25 h."), "{note}");
    assert!(markdown(&report).contains("> **Note:** REHEARSAL"));
}

#[test]
fn markdown_can_be_pasted_into_a_ticket() {
    assert_snapshot!(markdown(&report_of_a_rollback(false)), @r#"
    # Migration report: twins

    **✗ Rolled back: canary failed: p95(query) \< 100ms over 10m at 25%**

    |  |  |
    | --- | --- |
    | plan | twins (`plans/twins.yaml`) |
    | digest | `sha256:9c1f4a7f03bd11aa55ee77cc99e07a` |
    | run | `01J9ZZZZZZZZZZZZZZZZZZZZZZ`, vecshift 0.1.0 |
    | from, to | pinecone twins-pod → pinecone twins-serverless |
    | began | 2026-11-02 09:00:00 UTC |
    | last event | 2026-11-03 10:10:08 UTC |
    | took | 25 h 10 min |
    | run by | ada@desk (process 7) |

    ## Stages

    | # | stage | status | again | time | records |
    | --- | --- | --- | --- | --- | --- |
    | 1 | audit | ✓ passed |  | 4 s |  |
    | 2 | copy | ✓ passed |  | 4 s | 2,000 of 2,000 records, 2 of 2 namespaces complete, 24.8 MB, 500/s; 0 failed, 0 missing |
    | 3 | canary | ✗ failed |  | 25 h 10 min |  |
    | 4 | decommission | … pending |  | - |  |

    ## Traffic

    | stage | step | requested | actual | bake | status |
    | --- | --- | --- | --- | --- | --- |
    | canary | 1 | 5% | 5% | 1 h | ✓ passed |
    | canary | 2 | 25% | 25% | 24 h | ✗ failed |

    ## Assertions

    | stage | assertion | threshold | observed | n | verdict |
    | --- | --- | --- | --- | --- | --- |
    | audit | `source.dimension == 3072` | == 3,072 | 3,072 | 1 | ✓ pass |
    | copy | `copy.failed == 0` | == 0 | 0 | 1 | ✓ pass |
    | canary step 1 (5%) | `p95(query) < 100ms over 10m` | \< 100 ms | 87.2 ms | 12,000 | ✓ pass |
    | canary step 2 (25%) | `p95(query) < 100ms over 10m` | \< 100 ms | 213 ms | 12,000 | ✗ fail |
    | canary step 2 (25%) | `error_rate < 1%` | \< 1 % | - | 0 | ! error |
    | canary step 2 (25%) | `p95(query) <= 1.2x source` | \<= 1.2x source (96 ms) | 213 ms | 12,000 | ~ warn |

    ## Did not pass

    - **✗ fail** canary step 2 (25%): `p95(query) < 100ms over 10m`
      - asked in `plans/twins.yaml:41:9`
      - expected: \< 100 ms
      - actual: 213 ms, n 12,000, over the last 10 min
      - meanwhile: the source's p95(query) in the same window was 180 ms, n 11,998
    - **! error** canary step 2 (25%): `error_rate < 1%`
      - asked in `plans/twins.yaml:44:9`
      - expected: \< 1 %
      - actual: -, n 0
      - because: no probe answered
    - **~ warn** canary step 2 (25%): `p95(query) <= 1.2x source`
      - asked in `plans/twins.yaml:45:9`
      - expected: \<= 1.2x source (96 ms)
      - actual: 213 ms, n 12,000

    ## What happened

    - **audit**: sample of 500 records: audit/samples.parquet
    - **audit**: rolled back: nothing to undo
    - **copy**: rolled back: 2,000 records kept in the target
    - **canary**: rolled back: weight 0%, read back
    - **canary step 2** approved by grace at 2026-11-02 10:10:08 UTC

    ## Rollback and next step

    - Rollback: done
    - Traffic: 0% of it goes to pinecone twins-serverless
    - Next: once the cause is gone, begin a new run: `vecshift run plans/twins.yaml`
    "#);
}

#[test]
fn junit_keeps_failures_errors_and_warnings_apart() {
    assert_snapshot!(junit(&report_of_a_rollback(false)).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="twins" tests="6" skipped="1" failures="1" errors="1">
        <testsuite name="audit" tests="1" skipped="0" errors="0" failures="0" time="4.000">
            <properties>
                <property name="run" value="01J9ZZZZZZZZZZZZZZZZZZZZZZ"/>
                <property name="digest" value="sha256:9c1f4a7f03bd11aa55ee77cc99e07a"/>
                <property name="rehearsal" value="false"/>
                <property name="status" value="undone"/>
            </properties>
            <testcase name="source.dimension == 3072" classname="audit">
                <properties>
                    <property name="place" value="plans/twins.yaml:18:9"/>
                </properties>
                <system-out>✓ pass: expected == 3,072, actual 3,072, n 1</system-out>
            </testcase>
        </testsuite>
        <testsuite name="copy" tests="1" skipped="0" errors="0" failures="0" time="4.000">
            <properties>
                <property name="run" value="01J9ZZZZZZZZZZZZZZZZZZZZZZ"/>
                <property name="digest" value="sha256:9c1f4a7f03bd11aa55ee77cc99e07a"/>
                <property name="rehearsal" value="false"/>
                <property name="status" value="undone"/>
            </properties>
            <testcase name="copy.failed == 0" classname="copy">
                <properties>
                    <property name="place" value="plans/twins.yaml:32:9"/>
                </properties>
                <system-out>✓ pass: expected == 0, actual 0, n 1</system-out>
            </testcase>
        </testsuite>
        <testsuite name="canary" tests="4" skipped="1" errors="1" failures="1" time="90600.000">
            <properties>
                <property name="run" value="01J9ZZZZZZZZZZZZZZZZZZZZZZ"/>
                <property name="digest" value="sha256:9c1f4a7f03bd11aa55ee77cc99e07a"/>
                <property name="rehearsal" value="false"/>
                <property name="status" value="undone"/>
            </properties>
            <testcase name="canary step 1 (5%): p95(query) &lt; 100ms over 10m" classname="canary">
                <properties>
                    <property name="place" value="plans/twins.yaml:41:9"/>
                </properties>
                <system-out>✓ pass: expected &lt; 100 ms, actual 87.2 ms, n 12,000, over the last 10 min</system-out>
            </testcase>
            <testcase name="canary step 2 (25%): p95(query) &lt; 100ms over 10m" classname="canary">
                <properties>
                    <property name="place" value="plans/twins.yaml:41:9"/>
                </properties>
                <failure message="expected &lt; 100 ms, actual 213 ms, n 12,000, over the last 10 min (the source&apos;s p95(query) in the same window was 180 ms, n 11,998)" type="fail">plans/twins.yaml:41:9</failure>
                <system-out>✗ fail: expected &lt; 100 ms, actual 213 ms, n 12,000, over the last 10 min</system-out>
            </testcase>
            <testcase name="canary step 2 (25%): error_rate &lt; 1%" classname="canary">
                <properties>
                    <property name="place" value="plans/twins.yaml:44:9"/>
                </properties>
                <error message="expected &lt; 1 %, actual -, n 0 (no probe answered)" type="error">plans/twins.yaml:44:9</error>
                <system-out>! error: expected &lt; 1 %, actual -, n 0</system-out>
            </testcase>
            <testcase name="canary step 2 (25%): p95(query) &lt;= 1.2x source" classname="canary">
                <properties>
                    <property name="place" value="plans/twins.yaml:45:9"/>
                </properties>
                <skipped message="expected &lt;= 1.2x source (96 ms), actual 213 ms, n 12,000" type="fail">plans/twins.yaml:45:9</skipped>
                <system-out>~ warn: expected &lt;= 1.2x source (96 ms), actual 213 ms, n 12,000</system-out>
            </testcase>
        </testsuite>
        <testsuite name="decommission" tests="0" skipped="0" errors="0" failures="0">
            <properties>
                <property name="run" value="01J9ZZZZZZZZZZZZZZZZZZZZZZ"/>
                <property name="digest" value="sha256:9c1f4a7f03bd11aa55ee77cc99e07a"/>
                <property name="rehearsal" value="false"/>
                <property name="status" value="pending"/>
            </properties>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn json_has_a_version_and_every_number() {
    let json = serde_json::to_value(report_of_a_rollback(false)).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["ending"], "rolled_back");
    let failed =
        json["assertions"].as_array().unwrap().iter().find(|one| one["verdict"] == "fail").unwrap();
    assert_eq!(failed["observed"]["seconds"], 0.213);
    assert_eq!(failed["samples"], 12_000);
    assert_eq!(failed["place"]["line"], 41);
    assert_eq!(failed["step"], 2);
    assert_eq!(json["stages"][1]["copy"]["copied"], 2000);
}

#[test]
fn a_waiting_run_names_the_command_that_releases_it() {
    let dir = tempfile::tempdir().unwrap();
    let report = Report::from_entries(&waiting(dir.path())).unwrap();
    assert_eq!(report.ending, Ending::Waiting);
    let next = report.next.unwrap();
    assert_eq!(next.command, "vecshift approve plans/twins.yaml --stage canary --step 2");
    assert!(report.rollback.is_possible);
}

/// The report omits what the log of the run has just said right above it.
#[test]
fn a_report_below_the_log_adds_what_the_log_has_not() {
    let report = report_of_a_rollback(false);
    let look = Look { follows_log: true, ..Look::default() };
    let (alone, below) = (table(&report, Look::default()), table(&report, look));
    for said in ["samples.parquet", "approved by grace", "rolled back: weight 0%"] {
        assert!(alone.contains(said) && !below.contains(said), "{said}: {below}");
    }
    for new in ["2,000 of 2,000 records", "Did not pass (3)", "Next: "] {
        assert!(below.contains(new), "{new}: {below}");
    }
}

#[test]
fn a_run_that_was_taken_up_says_by_whom_and_how_often() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Writer::begin(dir.path(), false);
    run.start("audit");
    for attempt in 2..=4 {
        run.write(Event::RunContinued { holder: format!("grace@hut (process {attempt})") });
        run.write(Event::StageStarted { stage: "audit".into(), attempt });
    }
    run.write(Event::StageErred {
        stage: "audit".into(),
        reason: "no answer".into(),
        trouble: Trouble::default(),
    });
    run.write(Event::RunContinued { holder: "ada@desk (process 8)".into() });
    run.write(Event::StageStarted { stage: "audit".into(), attempt: 5 });
    let text = table(
        &Report::from_entries(&entries(dir.path(), false)).unwrap(),
        Look { width: 200, ..Look::default() },
    );
    assert!(
        text.contains("ada@desk (process 7); now ada@desk (process 8), taken up 4 times"),
        "{text}"
    );
    assert!(text.contains("audit: tried twice, resumed 3 times"), "{text}");
}

#[test]
fn a_run_that_waits_says_for_what_in_its_first_line() {
    let cases = [
        (Hold::Until, "… Stopped before copy (--until audit)"),
        (Hold::Paused { by: "ada".into() }, "… Paused by ada, before copy is done"),
        (
            Hold::Time { until: "2026-11-09T09:00:00Z".parse().unwrap() },
            "… Waiting: copy goes on at 2026-11-09 09:00:00 UTC",
        ),
    ];
    for (hold, first) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Writer::begin(dir.path(), false);
        run.start("copy");
        run.hold("copy", hold);
        let report = Report::from_entries(&entries(dir.path(), false)).unwrap();
        assert_eq!(table(&report, Look::default()).lines().next(), Some(first));
    }
}

#[test]
fn a_stuck_run_says_first_what_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Writer::begin(dir.path(), false);
    run.start("canary");
    run.write(Event::RollbackStarted { cause: Cause::Asked { by: "ada".into(), purge: false } });
    let reason = "the weight cannot be set".to_owned();
    run.write(Event::UndoFailed { stage: "canary".into(), reason: reason.clone() });
    run.write(Event::RollbackFinished { left_behind: vec![format!("canary: {reason}")] });
    let report = Report::from_entries(&entries(dir.path(), false)).unwrap();
    assert_eq!(
        report.headline(),
        "✗ Stuck: the rollback could not undo canary: the weight cannot be set"
    );
}

#[test]
fn retention_says_until_when_it_can_be_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Writer::begin(dir.path(), false);
    run.start("decommission");
    run.hold("decommission", Hold::Time { until: "2026-11-09T09:00:00Z".parse().unwrap() });
    let report = Report::from_entries(&entries(dir.path(), false)).unwrap();
    assert_eq!(report.rollback.text, "possible, at least until 2026-11-09 09:00:00 UTC");
    run.write(Event::SourceDeleteIntended {
        stage: "decommission".into(),
        index: "twins-pod".into(),
    });
    let report = Report::from_entries(&entries(dir.path(), false)).unwrap();
    assert!(!report.rollback.is_possible);
    assert_eq!(report.ending, Ending::Running);
}

/// Every prefix of a journal is a run that was cut off there: it has a report, whose ending agrees with the state.
#[test]
fn every_prefix_of_a_journal_has_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let all = rolled_back(dir.path(), false);
    for cut in 0..=all.len() {
        let report = Report::from_entries(&all[..cut]).unwrap();
        let state = RunState::fold(&all[..cut]).unwrap();
        assert_eq!(
            report.ending == Ending::RolledBack,
            state.phase == Phase::RolledBack,
            "cut at {cut}"
        );
        assert!(!table(&report, Look::default()).is_empty());
        assert!(!markdown(&report).is_empty());
        assert!(!junit(&report).unwrap().is_empty());
    }
}

#[test]
fn what_was_deleted_for_somebody_is_in_every_report() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::begin(dir.path(), false);
    writer.start("copy");
    let intend = |side, what: &str, namespaces: &[(&str, u64)]| Event::EraseIntended {
        side,
        what: what.into(),
        by: "the officer".into(),
        namespaces: namespaces
            .iter()
            .map(|(name, count)| (Namespace::new(*name), *count))
            .collect(),
    };
    let both = "--match 'creator_7*'";
    writer.write(intend(Side::Source, both, &[("creator_7", 20), ("creator_71", 1_200)]));
    // Cut off, and begun again with what was left.
    writer.write(intend(Side::Source, both, &[("creator_71", 3)]));
    writer.write(Event::Erased { side: Side::Source, what: both.into() });
    writer.pass(60);
    writer.write(intend(Side::Target, "--where owner=7", &[("creator_7", 1)]));
    let report = Report::from_entries(&entries(dir.path(), false)).unwrap();
    let said = |text: &str| {
        let lines = text.lines().skip_while(|line| !line.contains("What happened"));
        lines.take_while(|line| !line.starts_with("Rollback")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(said(&table(&report, Look { width: 200, ..Look::default() })), @r"
    What happened
      1,220 records of 2 namespaces were deleted from the source (--match 'creator_7*'), asked for by the officer at 2026-11-02 09:00:00 UTC
      1 record of 1 namespace is being deleted from the target (--where owner=7), asked for by the officer at 2026-11-02 09:01:00 UTC
    ");
    // A log of the run's own process need not have said it.
    let look = Look { follows_log: true, ..Look::default() };
    assert!(table(&report, look).contains("1,220 records of 2 namespaces were deleted"));
    let text = markdown(&report);
    assert!(
        text.contains("- 1,220 records of 2 namespaces were deleted from the source"),
        "{text}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["erasures"][0]["records"], 1_220);
    assert_eq!(json["erasures"][0]["finished"], true);
    assert_eq!(json["erasures"][1]["side"], "target");
    assert_eq!(json["erasures"][1]["finished"], false);
}
