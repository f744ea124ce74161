//! `rehearse`: runs the whole plan against the embedded emulator.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::cli::drive::{Drive, Files};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{AT_A_CHECKPOINT, Interrupt};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::clock::{Clock, Stopwatch};
use crate::emulator::{self, Emulator, EmulatorOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Side, Span};
use crate::plan::Plan;
use crate::plan::file::{Copy, EnumerateBy, Strategy};
use crate::provider::registry::connector;
use crate::provider::{Double, Environment, Secret};
use crate::report::{count, duration};
use crate::run::{RunOptions, World, rehearsed_driver};
use crate::state::Home;
use crate::storage::S3Options;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    pub plan: PathBuf,
    /// Keep the emulator serving afterwards, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
    /// The longest time that any single wait of the plan may really take
    #[arg(long, value_name = "DURATION", default_value = "300ms")]
    pub longest_wait: Span,
    /// Treat warnings as failures
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: Files,
}

/// The API key of a rehearsal's emulator, which protects nothing.
const KEY: &str = "rehearsal";

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let mut plan = session.read_plan(&arguments.plan)?.plan;
    play_commands(session, &mut plan);
    let world = match connector(&plan.source.provider)?.is_emulated() {
        true => Some(emulator::World::of_plan(&plan)?),
        false => None,
    };
    let faults = plan.rehearsal.as_ref().and_then(|rehearsal| rehearsal.faults.clone());
    let interrupt = Interrupt::listen(session.output, AT_A_CHECKPOINT)?;
    let watch = Stopwatch::start();
    let home = fresh(session, &plan).await?;
    let options = EmulatorOptions {
        api_key: Some(KEY.to_owned()),
        faults: faults.unwrap_or_default(),
        // Two indexes may order records of equal score differently.
        ties: Some(1),
        s3: S3Options::from_variables(&session.surroundings.variables).or_unsigned(),
        ..EmulatorOptions::default()
    };
    let emulator = Emulator::start(options).await?;
    session.output.talk(&format!(
        "Rehearsing {}: nothing real is touched; approvals and confirmations are given by the rehearsal.",
        plan.name
    ));
    let source = &plan.source.index;
    session.output.talk(&match world {
        Some(world) => {
            let records = interrupt.guard(async { Ok(emulator.load(world).await?) }).await?;
            let (url, records) = (emulator.url(), count(records));
            format!("The emulator at {url} holds {source} with {records} records.")
        }
        None => format!("The emulator at {} is empty.", emulator.url()),
    });
    let mut environment = Environment {
        variables: session.surroundings.variables.clone(),
        base: plan.base.clone(),
        ..Environment::stand_in(emulator.url(), Secret::new(KEY))
    };
    let doubles = interrupt.guard(double(session, &plan, &mut environment)).await?;
    let drive = drive(session, arguments, plan, home, &environment)?;
    let driven = drive.with(&interrupt, |run, cancel| run.execute(cancel)).await;
    for double in doubles {
        double.end().await;
    }
    let driven = driven?;
    let asked: u64 = emulator.counters().requests.values().sum();
    let faults: u64 = emulator.counters().faults.values().sum();
    let answer = driven.answer(session);
    session.output.talk(&format!(
        "Took {} of real time, {} requests, {} of them with a fault.",
        duration(watch.elapsed()),
        count(asked),
        count(faults)
    ));
    if arguments.keep {
        keep(session, &interrupt, &emulator).await;
    }
    emulator.shutdown().await;
    let emulated =
        json!({ "requests": asked, "faults": faults, "seconds": watch.elapsed().as_secs_f64() });
    Ok(answer.with("emulator", emulated))
}

/// Starts what stands for sides that are not emulated.
async fn double(
    session: &Session,
    plan: &Plan,
    environment: &mut Environment,
) -> Result<Vec<Box<dyn Double>>, Failure> {
    let mut doubles = Vec::new();
    let records = || emulator::records_of(plan);
    for (side, endpoint) in [(Side::Source, &plan.source), (Side::Target, &plan.target)] {
        let connector = connector(&endpoint.provider)?;
        if connector.is_emulated() {
            continue;
        }
        match connector.stand_in(plan, side, environment, &records).await? {
            None => {
                let (side, index) = (side.name(), &endpoint.index);
                session.output.talk(&format!("The {side} {index} is used as it is."));
            }
            Some(double) => {
                session.output.talk(&double.describe());
                environment.stand_ins.insert(connector.name().to_owned(), double.stand_in());
                doubles.push(double);
            }
        }
    }
    Ok(doubles)
}

fn drive<'a>(
    session: &'a Session,
    arguments: &Arguments,
    plan: Plan,
    home: Arc<dyn Home>,
    environment: &Environment,
) -> Result<Drive<'a>, Failure> {
    Ok(Drive {
        session,
        world: World::open(&plan, environment)?,
        driver: rehearsed_driver(&plan, &home.folder().join("traffic"))?,
        clock: Clock::rehearsal(arguments.longest_wait.0),
        address: session.address(&plan.path.display().to_string()),
        options: RunOptions {
            is_rehearsal: true,
            strict: session.is_strict(arguments.strict),
            ..session.run_options()
        },
        plan,
        home,
    })
}

/// Replaces commands that print ids, which a rehearsal does not run and whose ids would not exist in the emulator. The
/// ids are found as if the plan said `auto`.
fn play_commands(session: &Session, plan: &mut Plan) {
    let command = |copy: &Copy| match &copy.enumerate {
        EnumerateBy::Manifest(asked) => asked.manifest.exec.clone(),
        EnumerateBy::Named(_) => None,
    };
    for argv in plan.copies.iter().filter_map(|copy| command(&copy.asked)) {
        session.output.talk(&format!(
            "The manifest's command is not run in a rehearsal ({}); the ids are found by the index's own means.",
            argv.join(" ")
        ));
    }
    plan.change_copies(|copy| {
        if command(copy).is_some() {
            copy.enumerate = EnumerateBy::default();
            // Records with given ids are always streamed.
            copy.strategy = Strategy::Stream;
        }
    });
}

/// Empties the rehearsal's folder, as every rehearsal starts fresh.
async fn fresh(session: &Session, plan: &Plan) -> Result<Arc<dyn Home>> {
    let home = session.runs(true)?.home(&plan.name);
    let dir = home.folder();
    if home.holder().await?.is_some() {
        return Err(Error::new(
            ErrorKind::Locked,
            format!("`{}` is being rehearsed by another process", plan.name),
        )
        .with_hint("wait for it, or use another --state folder"));
    }
    let cannot = |error| Error::io(format!("cannot empty {}", dir.display()), error);
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot(error)),
        _ => {}
    }
    std::fs::create_dir_all(dir.join("traffic")).map_err(cannot)?;
    Ok(home)
}

async fn keep(session: &Session, interrupt: &Interrupt, emulator: &Emulator) {
    session.output.talk(&format!(
        "The emulator goes on serving; Ctrl-C ends it. To use it:\n  export PINECONE_CONTROLLER_HOST={}\n  \
         export PINECONE_API_KEY={KEY}",
        emulator.url()
    ));
    interrupt.gently.cancelled().await;
}
