//! `emulate`: serves the emulator.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::interrupt::{Interrupt, SOON};
use crate::cli::output::{Answer, data, document};
use crate::cli::session::Session;
use crate::emulator::{Emulator, EmulatorOptions, World};
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
    let world = plan.as_ref().map(World::of_plan).transpose()?;
    let rehearsal = plan.as_ref().and_then(|plan| plan.rehearsal.as_ref());
    let faults = rehearsal.and_then(|rehearsal| rehearsal.faults.clone()).unwrap_or_default();
    let interrupt = Interrupt::listen(session.output, SOON)?;
    let options = EmulatorOptions {
        listen: arguments.listen,
        api_key: arguments.api_key.clone(),
        faults,
        rate_limits: !arguments.no_rate_limits,
        s3: S3Options::from_variables(&session.surroundings.variables).or_unsigned(),
        ..EmulatorOptions::default()
    };
    let (emulator, records) = match world {
        None => (Emulator::start(options).await?, 0),
        Some(world) => {
            let index = world.index.name.clone();
            let filled = async { Ok(Emulator::start_filled(options, world).await?) };
            let (emulator, records) = interrupt.guard(filled).await?;
            session.output.talk(&format!("Loaded {index} with {}.", plural(records, "record")));
            (emulator, records)
        }
    };
    ready(session, arguments, &emulator, records)?;
    interrupt.gently.cancelled().await;
    emulator.shutdown().await;
    // The document was printed when the server became ready.
    Ok(Answer::silent())
}

/// Announces that the server is ready, in a line that scripts can wait for.
fn ready(
    session: &Session,
    arguments: &Arguments,
    emulator: &Emulator,
    records: u64,
) -> Result<()> {
    let cannot = |error| Error::io("cannot write to standard output", error);
    let key = arguments.api_key.as_deref().unwrap_or("any");
    let variables = json!({ "PINECONE_CONTROLLER_HOST": emulator.url(), "PINECONE_API_KEY": key });
    if session.output.is_json {
        let answer = Answer::ok("")
            .with("address", emulator.url())
            .with("records", records)
            .with("variables", variables);
        return document(&answer.document("emulate").to_string()).map_err(cannot);
    }
    data(&format!(
        "Emulator ready at {url}\nexport PINECONE_CONTROLLER_HOST={url}\nexport PINECONE_API_KEY={key}",
        url = emulator.url()
    ))
    .map_err(cannot)
}
