use serde::Serialize;

use super::AssertionReport;
use crate::model::{Place, Share, StageId};
use crate::plan::{Plan, StageKind};

/// An assertion of the plan that was not judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unreached {
    pub stage: StageId,
    /// The canary step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The weight of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// Unique within its stage: the given id, else the text.
    pub assertion: String,
    pub text: String,
    pub place: Place,
}

impl Unreached {
    /// Returns every assertion of a plan, those of a canary once for each step.
    pub fn of_plan(plan: &Plan) -> Vec<Self> {
        let mut all = Vec::new();
        for stage in &plan.stages {
            let steps: Vec<_> = match &stage.kind {
                StageKind::Canary(canary) => (1..)
                    .zip(&canary.steps)
                    .map(|(step, asked)| (Some(step), Some(asked.weight)))
                    .collect(),
                _ => vec![(None, None)],
            };
            for (step, weight) in steps {
                all.extend(stage.assertions.iter().map(|one| Self {
                    stage: stage.id.clone(),
                    step,
                    weight,
                    assertion: one.id.clone(),
                    text: one.text.clone(),
                    place: one.place.clone(),
                }));
            }
        }
        all
    }

    pub(super) fn is(&self, judged: &AssertionReport) -> bool {
        self.stage == judged.stage
            && self.step == judged.step
            && self.assertion == judged.judgement.assertion
    }

    /// Returns the text, behind its id if it was given one.
    pub(super) fn named(&self) -> String {
        super::assertion::named(&self.assertion, &self.text)
    }

    /// Returns the stage, and the step of a canary: `canary step 2 (25%)`.
    pub(super) fn place_in_run(&self) -> String {
        super::assertion::place_in_run(&self.stage, self.step, self.weight)
    }

    /// Returns the place in the plan: `plans/x.yaml:41:9`.
    pub(super) fn line(&self) -> String {
        format!("{}:{}:{}", self.place.file, self.place.line, self.place.column)
    }
}
