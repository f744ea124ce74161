//! Flag files as flagd's own evaluator understands them: who is sent to the target at each weight.

use std::collections::BTreeMap;
use std::time::Duration;

use vecshift::model::Share;
use vecshift::plan::file::{Flagd, Traffic};
use vecshift::traffic::{DriverContext, open};

use crate::python::environment;

const LONGEST: Duration = Duration::from_secs(120);
const PERCENTS: [u32; 5] = [0, 5, 25, 50, 100];

/// The outcome of one file for everybody.
#[derive(serde::Deserialize)]
struct Evaluation {
    /// One letter for each person, `1` for the target.
    people: String,
    /// Outcomes for people without a key, by the way in which they lack it.
    keyless: BTreeMap<String, bool>,
}

/// Evaluates the flag at each weight with flagd.
async fn evaluated() -> Option<Vec<Evaluation>> {
    let python = environment("flagd")?;
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for percent in PERCENTS {
        let base = folder.path().join(percent.to_string());
        let (file, flag) = ("flags.json".to_owned(), "use-new".to_owned());
        let flagd = Flagd { file, flag, bucket_by: Some("creator_id".into()) };
        let env = BTreeMap::new();
        let context = DriverContext {
            plan: "twin".into(),
            base: base.clone(),
            env,
            ..DriverContext::default()
        };
        let driver = open(&Traffic::Flagd(flagd), context).unwrap();
        driver.set(Share(f64::from(percent) / 100.0)).await.unwrap();
        files.push(base.join("flags.json").display().to_string());
    }
    let arguments: Vec<&str> =
        ["use-new"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let printed = python.run("flagd.py", &arguments, LONGEST).await.unwrap();
    let evaluations: Vec<Evaluation> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(evaluations.len(), PERCENTS.len(), "{printed}");
    Some(evaluations)
}

#[tokio::test(flavor = "multi_thread")]
async fn flagd_sends_the_share_that_was_set_and_whoever_has_no_key_stays() {
    let Some(evaluations) = evaluated().await else { return };
    let mut before = "0".repeat(evaluations[0].people.len());
    for (percent, Evaluation { people, keyless }) in PERCENTS.into_iter().zip(&evaluations) {
        let share = people.matches('1').count() as f64 / people.len() as f64;
        assert!((share - f64::from(percent) / 100.0).abs() < 0.02, "{percent} % gave {share}");
        let went_back = before.chars().zip(people.chars()).any(|(was, is)| was == '1' && is == '0');
        assert!(!went_back, "somebody went back when the weight rose to {percent} %");
        assert_eq!(keyless.len(), 4);
        for (lacking, is_in) in keyless {
            assert_eq!(*is_in, percent == 100, "at {percent} % the key was {lacking}");
        }
        before.clone_from(people);
    }
    assert!(!before.contains('0'), "at 100 % everybody is in");
}
