//! Traffic that somebody else moves: noticed at every moment, never overwritten, and adopted only on request.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use vecshift::ErrorKind;
use vecshift::journal::{Event, Hold, Phase, Request, StageStatus};
use vecshift::model::{Share, TrafficChange};
use vecshift::report::Report;
use vecshift::run::{Outcome, Silent};

use crate::hands::{At, Driven, Hand, Hands};

const STEPS: &str = "[{ weight: 5%, bake: 30m }, { weight: 25%, bake: 30m }]";
const ALL: &str = "[{ weight: 100%, bake: 30m }]";

/// Moment at which somebody's hand is on the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    InBake,
    BetweenSteps,
    InApprovalWait,
    BetweenProcesses,
}

use Moment::{BetweenProcesses, BetweenSteps, InApprovalWait, InBake};

fn steps(driven: Driven, moment: Moment) -> &'static str {
    match (driven, moment) {
        (Driven::EnvFile, InApprovalWait) => "[{ weight: 100%, bake: 30m, approve: manual }]",
        (_, InApprovalWait) => "[{ weight: 5%, bake: 30m, approve: manual }]",
        (Driven::EnvFile, _) => ALL,
        _ => STEPS,
    }
}

/// Runs until `hand` was on the traffic at `moment`; returns the outcome, and the traffic before.
async fn run_with_a_hand(
    hands: &Arc<Hands>,
    hand: Hand,
    moment: Moment,
) -> (vecshift::Result<Outcome>, String) {
    let before = Arc::new(std::sync::Mutex::new(String::new()));
    let act = {
        let (hands, before) = (hands.clone(), before.clone());
        move || {
            *before.lock().unwrap() = hands.kept();
            hands.act(hand);
        }
    };
    let mut options = hands.options();
    let outcome = match moment {
        InBake => {
            let at = At::first(|event| matches!(event, Event::BakeStarted { .. }), act);
            hands.run(options, at).await
        }
        BetweenSteps => {
            let at = At::first(|event| matches!(event, Event::StepPassed { .. }), act);
            hands.run(options, at).await
        }
        InApprovalWait => {
            options.is_rehearsal = false;
            let at = At::first(|event| matches!(event, Event::StageHeld { .. }), act);
            hands.run(options, at).await
        }
        BetweenProcesses => {
            options.no_wait = true;
            let outcome = hands.run(options, Arc::new(Silent)).await.unwrap();
            assert!(
                matches!(outcome, Outcome::Held { hold: Hold::Time { .. }, .. }),
                "{outcome:?}"
            );
            act();
            hands.run(hands.options(), Arc::new(Silent)).await
        }
    };
    let before = before.lock().unwrap().clone();
    (outcome, before)
}

fn change(outcome: &vecshift::Result<Outcome>) -> Option<&TrafficChange> {
    match outcome {
        Ok(Outcome::Held { hold: Hold::Traffic { change }, .. }) => Some(change),
        _ => None,
    }
}

/// Tests one cell: the run stops, says what it saw, and has overwritten nothing.
async fn is_noticed(driven: Driven, hand: Hand, moment: Moment) {
    let hands = Arc::new(Hands::of(driven, steps(driven, moment)).await);
    let (outcome, before) = run_with_a_hand(&hands, hand, moment).await;
    let case = format!("{driven:?} {hand:?} {moment:?}: {outcome:?}");
    match hand {
        Hand::Break => {
            assert!(matches!(outcome, Ok(Outcome::Erred { .. })), "{case}");
        }
        _ => {
            let change = change(&outcome).unwrap_or_else(|| panic!("{case}"));
            let to = match hand {
                Hand::To(percent) => Some(Share(f64::from(percent) / 100.0)),
                _ => None,
            };
            assert_eq!(change.to.map(Share::percent), to.map(Share::percent), "{case}");
            let left = hands.rig.state().traffic.weight();
            assert_eq!(change.from, left, "{case}");
        }
    }
    assert_ne!(hands.kept(), before, "it was written over: {case}");
    let kept = hands.kept();
    let again = hands.run(hands.options(), Arc::new(Silent)).await;
    assert!(!matches!(again, Ok(Outcome::Done)), "the next process: {case}");
    assert_eq!(hands.kept(), kept, "written over by the next process: {case}");
    if moment != InApprovalWait {
        hands.put_back(&before);
        let outcome = hands.run(hands.options(), Arc::new(Silent)).await.unwrap();
        assert!(matches!(outcome, Outcome::Done), "put back: {outcome:?}, after {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_on_the_traffic_is_noticed_whatever_it_does_and_whenever() {
    let mut cells = Vec::new();
    for driven in Driven::ALL {
        let hands = Hands::of(driven, ALL).await.hands();
        for moment in [InBake, BetweenSteps, InApprovalWait, BetweenProcesses] {
            let is_possible = |hand: &Hand| match (driven, moment, hand) {
                (Driven::EnvFile, BetweenSteps, _) => false,
                // Before anything was set, these leave things as they should be.
                (_, InApprovalWait, Hand::To(0) | Hand::Disable | Hand::Remove) => false,
                _ => true,
            };
            cells.extend(
                hands.iter().copied().filter(is_possible).map(|hand| (driven, hand, moment)),
            );
        }
    }
    assert!(cells.len() > 50, "{}", cells.len());
    let run = |(driven, hand, moment)| is_noticed(driven, hand, moment);
    stream::iter(cells).map(run).buffer_unordered(8).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_approval_is_waited_for_with_an_eye_on_the_traffic() {
    let steps = "[{ weight: 5%, bake: 10m }, { weight: 25%, bake: 10m, approve: manual }]";
    let hands = Arc::new(Hands::of(Driven::Flagd, steps).await);
    let (outcome, _) = run_with_a_hand(&hands, Hand::To(0), InApprovalWait).await;
    assert_eq!(change(&outcome).unwrap().from, Some(Share(0.05)), "{outcome:?}");
}

const WHOLE: &str = "[{ weight: 5%, bake: 10m }, { weight: 25%, bake: 10m }, { weight: 50%, bake: 10m }, { weight: 100%, bake: 10m }]";

fn accept(hands: &Hands, percent: f64) {
    let (weight, by) = (Share(percent / 100.0), "ada".to_owned());
    hands.rig.ask(Request::AcceptWeight { weight, by });
}

/// Returns what a run asks for after somebody set `hand` while step `step` baked, and somebody accepted that.
async fn asked_after_accepting(step: usize, hand: u32) -> Vec<f64> {
    let hands = Arc::new(Hands::of(Driven::Flagd, WHOLE).await);
    let act = {
        let hands = hands.clone();
        move || hands.act(Hand::To(hand))
    };
    let meant =
        move |event: &Event| matches!(event, Event::BakeStarted { step: at, .. } if *at == step);
    let outcome = hands.run(hands.options(), At::first(meant, act)).await;
    assert!(change(&outcome).is_some(), "{outcome:?}");
    let events = hands.rig.entries().len();
    accept(&hands, f64::from(hand));
    let outcome = hands.run(hands.options(), Arc::new(Silent)).await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    hands.asked(events)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_weight_is_watched_and_gone_on_from() {
    assert_eq!(asked_after_accepting(0, 25).await, [25.0, 50.0, 100.0]);
    assert_eq!(asked_after_accepting(0, 30).await, [30.0, 50.0, 100.0], "between two steps");
    assert_eq!(asked_after_accepting(2, 0).await, [5.0, 25.0, 50.0, 100.0], "from the beginning");
    assert_eq!(asked_after_accepting(1, 100).await, [100.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_has_to_be_what_is_there() {
    let hands = Arc::new(Hands::of(Driven::Exec, STEPS).await);
    let (outcome, _) = run_with_a_hand(&hands, Hand::To(50), InBake).await;
    assert!(change(&outcome).is_some(), "{outcome:?}");
    accept(&hands, 50.0);
    hands.act(Hand::To(100));
    let outcome = hands.run(hands.options(), Arc::new(Silent)).await;
    assert_eq!(change(&outcome).unwrap().to, Some(Share(1.0)), "{outcome:?}");
    hands.act(Hand::To(50));
    let outcome = hands.run(hands.options(), Arc::new(Silent)).await;
    assert!(change(&outcome).is_some(), "an acceptance counts once: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_passed_is_drift_until_it_is_taken_up_at_what_was_accepted() {
    let hands = Hands::with(Driven::Flagd, WHOLE, "  - { kind: audit }\n").await;
    let mut options = hands.options();
    options.until = Some("canary".into());
    hands.run(options, Arc::new(Silent)).await.unwrap();
    hands.act(Hand::To(0));
    let error = hands.run(hands.options(), Arc::new(Silent)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("the weight is 0%, where the run left 100%"), "{error}");
    assert!(error.hint().unwrap().contains("--accept-weight 0%"), "{error:?}");
    let events = hands.rig.entries().len();
    accept(&hands, 0.0);
    let outcome = hands.run(hands.options(), Arc::new(Silent)).await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(hands.asked(events), [5.0, 25.0, 50.0, 100.0]);
    hands.act(Hand::Break);
    let error = hands.run(hands.options(), Arc::new(Silent)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "what cannot be read is not unchanged: {error}");
}

/// Makes a run with its traffic at 5 %.
async fn at_five_percent(driven: Driven) -> Hands {
    let hands = Hands::of(driven, STEPS).await;
    let mut options = hands.options();
    options.no_wait = true;
    hands.run(options, Arc::new(Silent)).await.unwrap();
    assert_eq!(hands.rig.state().traffic.weight(), Some(Share(0.05)));
    hands
}

fn undone(hands: &Hands) -> String {
    hands.rig.state().stages[0].undone.clone().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_traffic_back_whoever_moved_it() {
    for driven in [Driven::Flagd, Driven::Exec, Driven::Webhook] {
        for hand in [Hand::To(1), Hand::To(50), Hand::To(100)] {
            let hands = at_five_percent(driven).await;
            hands.act(hand);
            let outcome = hands.roll_back().await;
            assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
            assert_eq!(hands.rig.state().traffic.weight(), Some(Share(0.0)));
            assert!(undone(&hands).contains("which the run had not set"), "{}", undone(&hands));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_writes_nothing_where_no_traffic_goes_to_the_target() {
    for (driven, hand) in [
        (Driven::Flagd, Hand::To(0)),
        (Driven::Flagd, Hand::Disable),
        (Driven::Flagd, Hand::Remove),
        (Driven::Exec, Hand::To(0)),
        (Driven::Webhook, Hand::To(0)),
    ] {
        let hands = at_five_percent(driven).await;
        hands.act(hand);
        let kept = hands.kept();
        let outcome = hands.roll_back().await;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{driven:?} {hand:?}: {outcome:?}");
        assert_eq!(hands.kept(), kept, "{driven:?} {hand:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_stuck_where_it_would_lose_a_rule_and_says_so() {
    let hands = at_five_percent(Driven::Flagd).await;
    hands.act(Hand::Rule);
    let kept = hands.kept();
    let Outcome::Stuck { left_behind } = hands.roll_back().await else { panic!("not stuck") };
    assert!(left_behind[0].contains("targeting rules of its own"), "{left_behind:?}");
    assert_eq!(hands.kept(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_what_was_never_set_is_done() {
    let hands = Arc::new(Hands::of(Driven::Flagd, STEPS).await);
    let act = {
        let hands = hands.clone();
        move || hands.act(Hand::Rule)
    };
    let meant = |event: &Event| matches!(event, Event::WeightIntended { .. });
    let outcome = hands.run(hands.options(), At::first(meant, act)).await;
    assert!(matches!(outcome, Ok(Outcome::Erred { .. })), "{outcome:?}");
    let kept = hands.kept();
    let outcome = hands.roll_back().await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(hands.kept(), kept);
    assert_eq!(hands.rig.state().phase, Phase::RolledBack);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_before_a_run_begins() {
    for (driven, hand, says) in [
        (Driven::Flagd, Hand::Rule, "targeting rules of its own"),
        (Driven::Flagd, Hand::Break, "the file cannot be read"),
        (Driven::EnvFile, Hand::Rule, "neither of the plan's two values"),
        (Driven::Exec, Hand::Break, "the command failed"),
        (Driven::Webhook, Hand::Break, "503"),
    ] {
        let steps = if driven == Driven::EnvFile { ALL } else { STEPS };
        let hands = Hands::of(driven, steps).await;
        hands.act(hand);
        let kept = hands.kept();
        let error = hands.run(hands.options(), Arc::new(Silent)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{driven:?} {hand:?}: {error}");
        assert!(error.message().contains(says), "{driven:?} {hand:?}: {error}");
        assert!(hands.rig.entries().is_empty(), "nothing has begun");
        assert_eq!(hands.kept(), kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_that_was_moved_before_the_run_is_held_before_the_first_step() {
    for (driven, hand, weight) in [
        (Driven::Flagd, Hand::To(50), 0.5),
        (Driven::EnvFile, Hand::To(100), 1.0),
        (Driven::Exec, Hand::To(7), 0.07),
    ] {
        let steps = if driven == Driven::EnvFile { ALL } else { STEPS };
        let hands = Hands::of(driven, steps).await;
        hands.act(hand);
        let kept = hands.kept();
        let outcome = hands.run(hands.options(), Arc::new(Silent)).await.unwrap();
        let Outcome::Held { hold: Hold::Traffic { change }, .. } = outcome else {
            panic!("{driven:?}: {outcome:?}");
        };
        assert_eq!((change.from, change.to), (None, Some(Share(weight))), "{driven:?}");
        assert_eq!(hands.kept(), kept, "{driven:?}");
    }
}

/// Makes a plan with a command that writes the weight and fails at 25 %, and the command that reads.
async fn failing_set(read: &str) -> Hands {
    let mut hands = Hands::of(Driven::Exec, STEPS).await;
    let script = "echo $VECSHIFT_WEIGHT > weight; [ $VECSHIFT_WEIGHT != 25 ] || { echo edge timeout >&2; exit 1; }";
    let path = hands.rig.plan.path.clone();
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("echo $VECSHIFT_WEIGHT > weight", script);
    let text = text.replace("read: [cat, weight]", read).replace(",  }", " }");
    std::fs::write(&path, text).unwrap();
    hands.rig.plan = crate::rig::read(&path);
    hands
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_fails_and_is_set_goes_on_with_a_note() {
    let hands = failing_set("read: [cat, weight]").await;
    let outcome = hands.run(hands.options(), Arc::new(Silent)).await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let noted = hands.rig.entries().iter().any(|entry| {
        matches!(&entry.event, Event::WeightSet { despite: Some(said), .. } if said.contains("edge timeout"))
    });
    assert!(noted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_fails_and_cannot_be_read_is_unknown_until_it_is_taken_back() {
    let blind = "[sh, -c, \\\"[ $(cat weight) != 25 ] && cat weight\\\"]".replace('\\', "");
    for (read, last) in
        [(format!("read: {blind}"), "last read 5%"), (String::new(), "last requested 5%")]
    {
        let hands = failing_set(&read).await;
        let Outcome::Erred { error, .. } =
            hands.run(hands.options(), Arc::new(Silent)).await.unwrap()
        else {
            panic!("it went on")
        };
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        let report = Report::from_entries(&hands.rig.entries()).unwrap();
        let traffic = report.traffic.unwrap();
        assert_eq!(traffic.text, format!("unknown: 25% asked for, {last}"));
        assert_eq!(report.weight, None);
        assert_eq!(report.steps[1].weight(), "25% unknown");
        let outcome = hands.roll_back().await;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
        assert_eq!(hands.kept().trim(), "0");
        let status = &hands.rig.state().stages[0].status;
        assert_eq!(*status, StageStatus::Undone);
    }
}
