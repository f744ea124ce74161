//! `emulate`: serves the emulator.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::interrupt::{Interrupt, SOON};
use crate::cli::output::{Answer, data, document};
use crate::cli::seeds::{self, AskedIndex};
use crate::cli::session::Session;
use crate::emulator::{Beginning, Emulator, EmulatorOptions, Holding, World};
use crate::error::{Error, Result};
use crate::report::plural;
use crate::storage::S3Options;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The address to listen on, for REST and gRPC; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5080")]
    pub listen: SocketAddr,
    /// Fill it with this plan's rehearsal world, and play its faults
    #[arg(long, value_name = "PLAN")]
    pub world: Option<PathBuf>,
    /// Create a serverless index; may be repeated
    #[arg(long = "index", value_name = "NAME=DIMENSION:METRIC")]
    pub indexes: Vec<AskedIndex>,
    /// Fill the index with the records of a Parquet file; with several of --index, say which one; may be repeated
    #[arg(long = "seed", value_name = "[NAME=]FILE")]
    pub seeds: Vec<String>,
    /// Keep indexes and records in this folder over a restart
    #[arg(long, value_name = "FOLDER")]
    pub persist: Option<PathBuf>,
    /// The key that requests must carry; default: any
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Without the documented rate limits, to measure what they would hide
    #[arg(long)]
    pub no_rate_limits: bool,
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let plan = arguments
        .world
        .as_ref()
        .map(|path| session.read_plan(path))
        .transpose()?
        .map(|read| read.plan);
    let mut worlds = seeds::worlds(&arguments.indexes, &arguments.seeds)?;
    if let Some(plan) = &plan {
        let world = World::of_plan(plan)?;
        if worlds.iter().any(|other| other.index.name == world.index.name) {
            let name = &world.index.name;
            return Err(Failure::Usage(format!("--world has an index `{name}`, as --index has")));
        }
        worlds.insert(0, world);
    }
    let rehearsal = plan.as_ref().and_then(|plan| plan.rehearsal.as_ref());
    let faults = rehearsal.and_then(|rehearsal| rehearsal.faults.clone()).unwrap_or_default();
    let interrupt = Interrupt::listen(session.output, SOON)?;
    let options = EmulatorOptions {
        listen: arguments.listen,
        api_key: arguments.api_key.clone(),
        faults,
        rate_limits: !arguments.no_rate_limits,
        s3: S3Options::from_variables(&session.surroundings.variables).or_unsigned(),
        persist: arguments.persist.clone(),
        ..EmulatorOptions::default()
    };
    let begun = async { Ok(Emulator::start_filled(options, worlds).await?) };
    let (emulator, beginning) = interrupt.look(begun).await?;
    tell(session, arguments, &beginning);
    ready(session, arguments, &emulator)?;
    interrupt.gently.cancelled().await;
    emulator.shutdown().await;
    // The document was printed when the server became ready.
    Ok(Answer::silent())
}

/// Says what it began with.
fn tell(session: &Session, arguments: &Arguments, beginning: &Beginning) {
    let folder = arguments.persist.as_deref().map(|folder| folder.display().to_string());
    let folder = folder.unwrap_or_default();
    if beginning.cut_off > 0 {
        session.output.talk(&format!(
            "Cut off {} at the end of {folder}: a change that was never answered.",
            plural(beginning.cut_off, "byte")
        ));
    }
    for filled in &beginning.worlds {
        let index = &filled.index;
        session.output.talk(&match filled.loaded {
            Some(records) => format!("Loaded {index} with {}.", plural(records, "record")),
            None => format!("Left {index} as it is in {folder}."),
        });
    }
}

/// Announces that the server is ready, in a line that scripts can wait for.
fn ready(session: &Session, arguments: &Arguments, emulator: &Emulator) -> Result<()> {
    let cannot = |error| Error::io("cannot write to standard output", error);
    let key = arguments.api_key.as_deref().unwrap_or("any");
    let variables = json!({ "PINECONE_CONTROLLER_HOST": emulator.url(), "PINECONE_API_KEY": key });
    if session.output.is_json {
        let holdings = emulator.holdings();
        let records: u64 = holdings.iter().map(|holding| holding.records).sum();
        let index =
            |one: &Holding| json!({ "name": one.index, "host": one.host, "records": one.records });
        let indexes: Vec<_> = holdings.iter().map(index).collect();
        let answer = Answer::ok("")
            .with("address", emulator.url())
            .with("records", records)
            .with("indexes", indexes)
            .with("variables", variables);
        return document(&answer.document("emulate").to_string()).map_err(cannot);
    }
    data(&format!(
        "Emulator ready at {url}\nexport PINECONE_CONTROLLER_HOST={url}\nexport PINECONE_API_KEY={key}",
        url = emulator.url()
    ))
    .map_err(cannot)
}
