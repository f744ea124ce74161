//! Interference with the traffic of a run: every driver for real, and ways to change what it keeps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vecshift::journal::{Entry, Event, RunState};
use vecshift::model::{
    IndexSpec, Metric, Namespace, Record, RecordId, Vector, VectorType, Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::Environment;
use vecshift::run::{Listener, Outcome, PreparedRun, Progress, RunOptions, open_driver, roll_back};

use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: hands
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  TRAFFIC
stages:
  - kind: canary
    probe: { queries: 4 }
    steps: STEPS
    assert: [{ check: "error_rate <= 100% over 10m", min_samples: 5 }]
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    Flagd,
    EnvFile,
    Exec,
    Webhook,
}

impl Driven {
    pub const ALL: [Self; 4] = [Self::Flagd, Self::EnvFile, Self::Exec, Self::Webhook];
}

/// Something that somebody does to the traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hand {
    /// Sets a percentage.
    To(u32),
    Disable,
    /// Gives the flag rules of its own.
    Rule,
    Remove,
    /// Makes it unreadable for everybody.
    Break,
}

/// A migration that only moves traffic, and what keeps its weight.
pub struct Hands {
    pub rig: Rig,
    driven: Driven,
    /// The state of the webhook's service; `None` means that it does not answer.
    service: Service,
}

type Service = Arc<Mutex<Option<f64>>>;

async fn serve() -> (String, Service) {
    let service: Service = Arc::new(Mutex::new(Some(0.0)));
    let set = |State(service): State<Service>, body: String| async move {
        *service.lock().unwrap() = body.trim().parse().ok();
    };
    let read = |State(service): State<Service>| async move {
        match *service.lock().unwrap() {
            Some(percent) => (StatusCode::OK, json!({ "weight": percent }).to_string()),
            None => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        }
    };
    let routes = axum::Router::new().route("/", get(read).put(set)).with_state(service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}/"), service)
}

fn index(name: &str) -> IndexSpec {
    IndexSpec {
        name: name.into(),
        dimension: Some(4),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
            .into(),
        deletion_protection: false,
        tags: BTreeMap::new(),
    }
}

fn records() -> Vec<Record> {
    let record = |number: u32| Record {
        id: RecordId::new(format!("r{number}")),
        vectors: Vectors::plain(Vector::from_values([1.0, number as f32, 0.5, 2.0]), None),
        metadata: Default::default(),
    };
    (0..8).map(record).collect()
}

impl Hands {
    pub async fn of(driven: Driven, steps: &str) -> Self {
        Self::with(driven, steps, "").await
    }

    /// Makes one with more of the plan at its end.
    pub async fn with(driven: Driven, steps: &str, more: &str) -> Self {
        let (address, service) = serve().await;
        let set = "echo $VECSHIFT_WEIGHT > weight";
        let traffic = match driven {
            Driven::Flagd => {
                "flagd: { file: flag.json, flag: use-new, bucket_by: user }".to_owned()
            }
            Driven::EnvFile => "env_file: { file: app.env, variable: INDEX }".to_owned(),
            Driven::Exec => {
                format!("exec: {{ set: [sh, -c, \"{set}\"], read: [cat, weight] }}")
            }
            Driven::Webhook => {
                let set = format!("{{ put: \"{address}\", body: \"{{{{ weight }}}}\" }}");
                let read = format!("{{ get: \"{address}\" }}");
                format!("webhook: {{ set: {set}, read: {read}, pointer: /weight }}")
            }
        };
        let plan = PLAN.replace("TRAFFIC", &traffic).replace("STEPS", steps) + more;
        let rig = Rig::empty_of_text(&plan).await;
        for name in ["old", "new"] {
            rig.emulator.add_index(index(name)).await.unwrap();
            rig.emulator.insert(name, &Namespace::new("one"), records()).unwrap();
        }
        std::fs::write(rig.file("weight"), "0").unwrap();
        Self { rig, driven, service }
    }

    /// Returns the file that keeps the weight; a webhook has none.
    pub fn file(&self) -> PathBuf {
        self.rig.file(match self.driven {
            Driven::Flagd => "flag.json",
            Driven::EnvFile => "app.env",
            Driven::Exec | Driven::Webhook => "weight",
        })
    }

    /// Returns everything that decides where traffic goes.
    pub fn kept(&self) -> String {
        match self.driven {
            Driven::Webhook => format!("{:?}", *self.service.lock().unwrap()),
            _ => std::fs::read_to_string(self.file()).unwrap_or_else(|error| error.to_string()),
        }
    }

    /// Restores what [`Hands::kept`] returned earlier.
    pub fn put_back(&self, kept: &str) {
        match self.driven {
            Driven::Webhook => {
                let number = kept.trim_start_matches("Some(").trim_end_matches(')');
                *self.service.lock().unwrap() = number.parse().ok();
            }
            _ => {
                let _ = std::fs::remove_dir(self.file());
                std::fs::write(self.file(), kept).unwrap();
            }
        }
    }

    /// Returns what can be done to this driver's traffic; an env file knows only all and nothing.
    pub fn hands(&self) -> Vec<Hand> {
        let weights = [0, 1, 50, 100].map(Hand::To);
        match self.driven {
            Driven::Flagd => {
                [&weights[..], &[Hand::Disable, Hand::Rule, Hand::Remove, Hand::Break]].concat()
            }
            Driven::EnvFile => vec![Hand::To(0), Hand::Rule, Hand::Remove, Hand::Break],
            Driven::Exec | Driven::Webhook => [&weights[..], &[Hand::Break]].concat(),
        }
    }

    /// Does what the hand does.
    pub fn act(&self, hand: Hand) {
        match self.driven {
            Driven::Flagd => self.act_on_flag(hand),
            Driven::EnvFile => self.act_on_variable(hand),
            Driven::Exec => match hand {
                Hand::To(percent) => std::fs::write(self.file(), percent.to_string()).unwrap(),
                _ => std::fs::remove_file(self.file()).unwrap(),
            },
            Driven::Webhook => {
                *self.service.lock().unwrap() = match hand {
                    Hand::To(percent) => Some(f64::from(percent)),
                    _ => None,
                }
            }
        }
    }

    fn act_on_flag(&self, hand: Hand) {
        let text = std::fs::read_to_string(self.file());
        let mut flags: Value =
            text.map_or(json!({ "flags": {} }), |text| serde_json::from_str(&text).unwrap());
        let flag = &mut flags["flags"]["use-new"];
        if flag.is_null() {
            *flag = json!({ "state": "ENABLED", "variants": { "target": true, "source": false },
                "defaultVariant": "source" });
        }
        match hand {
            Hand::To(percent) if flag["targeting"].is_null() => {
                let fractions = json!([
                    { "cat": ["hands", { "var": "user" }] },
                    ["target", percent], ["source", 100 - percent]
                ]);
                flag["targeting"] =
                    json!({ "if": [{ "var": "user" }, { "fractional": fractions }, "source"] });
                if percent == 100 {
                    flag["targeting"]["if"][2] = "target".into();
                    flag["defaultVariant"] = "target".into();
                }
            }
            Hand::To(percent) => {
                let fractions = &mut flag["targeting"]["if"][1]["fractional"];
                fractions[1][1] = percent.into();
                fractions[2][1] = (100 - percent).into();
                let default = if percent == 100 { "target" } else { "source" };
                flag["targeting"]["if"][2] = default.into();
                flag["defaultVariant"] = default.into();
            }
            Hand::Disable => flag["state"] = "DISABLED".into(),
            Hand::Rule => {
                flag["targeting"] =
                    json!({ "if": [{ "==": [{ "var": "user" }, "me"] }, "target"] });
            }
            Hand::Remove => flags["flags"] = json!({}),
            Hand::Break => return self.be_a_folder(),
        }
        std::fs::write(self.file(), flags.to_string()).unwrap();
    }

    fn act_on_variable(&self, hand: Hand) {
        let text = match hand {
            Hand::To(0) => "INDEX=source\n",
            Hand::To(_) => "INDEX=target\n",
            Hand::Disable | Hand::Rule => "INDEX=elsewhere\n",
            Hand::Remove => "OTHER=1\n",
            Hand::Break => return self.be_a_folder(),
        };
        std::fs::write(self.file(), text).unwrap();
    }

    /// Replaces the file by a folder, which cannot be read as a file, even by a user who may read everything.
    fn be_a_folder(&self) {
        let _ = std::fs::remove_file(self.file());
        std::fs::create_dir(self.file()).unwrap();
    }

    pub fn options(&self) -> RunOptions {
        let mut options = self.rig.options();
        let path = ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
        options.environment = BTreeMap::from([path]);
        options
    }

    pub async fn prepare(&self, options: RunOptions, listener: Arc<dyn Listener>) -> PreparedRun {
        let variables = options.environment.clone();
        let environment = Environment { variables, ..Environment::default() };
        let driver = open_driver(&self.rig.plan, &environment).unwrap();
        let (plan, world, home) = (self.rig.plan.clone(), self.rig.world(), self.rig.home());
        PreparedRun::new(plan, world, driver, home, self.rig.clock.clone(), options, listener)
            .await
            .unwrap()
    }

    /// Runs with the plan's own driver instead of one for a rehearsal.
    pub async fn run(
        &self,
        options: RunOptions,
        listener: Arc<dyn Listener>,
    ) -> vecshift::Result<Outcome> {
        self.prepare(options, listener).await.execute(CancellationToken::new()).await
    }

    pub async fn roll_back(&self) -> Outcome {
        let run = self.prepare(self.options(), Arc::new(vecshift::run::Silent)).await;
        roll_back(run, false, CancellationToken::new()).await.unwrap()
    }

    /// Returns the percentages the run asked for, in order, after `events` events.
    pub fn asked(&self, events: usize) -> Vec<f64> {
        let entries = self.rig.entries();
        let weights = entries.iter().skip(events).filter_map(|entry| match &entry.event {
            Event::WeightIntended { weight, .. } => Some(weight.percent()),
            _ => None,
        });
        weights.collect()
    }
}

/// An observer that acts once, at the first event that matches.
pub struct At<M, A> {
    meant: M,
    act: Mutex<Option<A>>,
}

impl<M, A> At<M, A>
where
    M: Fn(&Event) -> bool + Send + Sync + 'static,
    A: FnOnce() + Send + 'static,
{
    pub fn first(meant: M, act: A) -> Arc<Self> {
        Arc::new(Self { meant, act: Mutex::new(Some(act)) })
    }
}

impl<M, A> Listener for At<M, A>
where
    M: Fn(&Event) -> bool + Send + Sync,
    A: FnOnce() + Send,
{
    fn event(&self, entry: &Entry, _: &RunState) {
        if (self.meant)(&entry.event)
            && let Some(act) = self.act.lock().unwrap().take()
        {
            act();
        }
    }

    fn progress(&self, _: &Progress) {}
}
