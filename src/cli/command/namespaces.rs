//! `namespaces list` and `namespaces delete`: lists what an index holds, and deletes everything that belongs to
//! somebody.
//!
//! Deleting is a command of its own, not part of a run's stages: it previews the counts and has to be confirmed with
//! the name of the index. An open run pauses meanwhile, and its journal records what was deleted.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::condition::{describe, filter};
use super::standstill::{Deletion, Standstill};
use crate::blocking::blocking;
use crate::cli::columns::Columns;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global::pair;
use crate::cli::interrupt::{Interrupt, SOON};
use crate::cli::output::{Answer, complain};
use crate::cli::session::{Session, quoted};
use crate::clock::Stopwatch;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::RunState;
use crate::model;
use crate::plan::Plan;
use crate::plan::file::Endpoint;
use crate::provider::Environment;
use crate::provider::registry::open;
use crate::report::{count, duration, plural};
use crate::run::{Erasure, Holding, Wanted};
use crate::store::Store;
use crate::store::calls::{CallOptions, Calls, Fence, Gate};
use crate::text::wrap;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the namespaces of a plan's indexes with their counts
    List(ListArguments),
    /// Delete namespaces, or one creator's records in all of them: previewed, confirmed, then verified to be gone
    Delete(DeleteArguments),
}

impl Command {
    /// Returns the plan file.
    pub fn plan(&self) -> &Path {
        match self {
            Self::List(of) => &of.plan,
            Self::Delete(of) => &of.plan,
        }
    }
}

/// One of the plan's two indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Side {
    Source,
    Target,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// The plan file
    pub plan: PathBuf,
    /// Only this index; default: both
    #[arg(long, value_name = "SIDE")]
    pub side: Option<Side>,
    /// Only namespaces that match this pattern; may be repeated
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["globs", "wheres", "holds"])))]
pub struct DeleteArguments {
    /// The plan file
    pub plan: PathBuf,
    /// The index to delete from
    #[arg(long, value_name = "SIDE")]
    pub side: Side,
    /// Namespaces that match this pattern; may be repeated
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<String>,
    /// Only records whose metadata field is this value, as text, number or boolean ("7" in double quotes: as text
    /// only); lists that contain it do not match; repeat for several conditions, all of which must match
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = pair)]
    pub wheres: Vec<(String, String)>,
    /// Like --where, but also matches records whose field is a list that contains the value
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair)]
    pub holds: Vec<(String, String)>,
    /// The name of the index, to confirm; without it nothing is deleted, unless it is typed at a terminal
    #[arg(long, value_name = "INDEX")]
    pub confirm: Option<String>,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    fn of_model(self) -> model::Side {
        match self {
            Self::Source => model::Side::Source,
            Self::Target => model::Side::Target,
        }
    }

    fn endpoint(self, plan: &Plan) -> &Endpoint {
        match self {
            Self::Source => &plan.source,
            Self::Target => &plan.target,
        }
    }

    fn open(self, plan: &Plan, environment: &Environment, gate: Gate) -> Result<Arc<dyn Store>> {
        let opened = open(self.endpoint(plan), self.of_model(), environment)?;
        Ok(opened.through(Calls::new(CallOptions::within_rates()).behind(gate)))
    }
}

pub async fn perform(session: &Session, command: &Command) -> Result<Answer, Failure> {
    match command {
        Command::List(arguments) => list(session, arguments).await,
        Command::Delete(arguments) => delete(session, arguments).await,
    }
}

async fn list(session: &Session, arguments: &ListArguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    let environment = session.providers(&plan);
    let sides = match arguments.side {
        Some(side) => vec![side],
        None => vec![Side::Source, Side::Target],
    };
    let (mut blocks, mut documents) = (Vec::new(), Vec::new());
    for side in sides {
        let index = side.open(&plan, &environment, Gate::ReadOnly)?;
        let name = &side.endpoint(&plan).index;
        let is_there = index.describe().await?.is_some();
        if !is_there && arguments.side.is_some() {
            let message = format!("there is no {} index `{name}`", side.name());
            return Err(Error::new(ErrorKind::NotFound, message).into());
        }
        let found = match is_there {
            true => erasure(session, index, arguments.globs.clone())?.find().await?,
            false => Vec::new(),
        };
        blocks.push(match is_there {
            true => format!(
                "{name} ({})\n\n{}",
                side.name(),
                table(&found, session.output.stdout.width)
            ),
            false => format!("{name} ({}): not present", side.name()),
        });
        documents.push(json!({
            "side": side.name(), "index": name, "present": is_there, "namespaces": rows(&found, false),
        }));
    }
    Ok(Answer::ok(blocks.join("\n\n")).with("sides", documents))
}

async fn delete(session: &Session, arguments: &DeleteArguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    let side = arguments.side;
    let index = &side.endpoint(&plan).index;
    if let Some(confirmed) = arguments.confirm.as_ref().filter(|name| *name != index) {
        let message = format!("`--confirm {confirmed}`: the {} index is `{index}`", side.name());
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("nothing was deleted")
            .into());
    }
    let interrupt = Interrupt::listen(session.output, SOON)?;
    let fence = Fence::default();
    let gate = Gate::Fenced(fence.clone());
    let target = side.open(&plan, &session.providers(&plan), gate)?;
    let conditions = [&arguments.wheres[..], &arguments.holds].concat();
    let literal: Vec<String> = arguments.wheres.iter().map(|(field, _)| field.clone()).collect();
    let mut erasure = erasure(session, target, arguments.globs.clone())?;
    erasure.wanted = Wanted::literally(arguments.globs.clone(), filter(&conditions), &literal)?;
    erasure.cancel = interrupt.gently.clone();
    let home = session.home(&plan.name)?;
    let elsewhere = async { Ok(session.refuse_run_elsewhere(&plan, &*home).await?) };
    interrupt.look(elsewhere).await?;
    // No run acts between the preview and the end, so what was previewed is what is deleted.
    let taking = async { Ok(Standstill::take(session, home.clone(), &fence).await?) };
    let mut standstill = interrupt.briefly(taking).await?;
    let kept = standstill.keep();
    let still =
        delete_while_still(session, arguments, &plan, &erasure, &interrupt, &mut standstill);
    let result = tokio::select! {
        result = still => result,
        error = kept => Err(error.into()),
    };
    // After a signal its lease has to end by itself where the place does not answer.
    let closing = async {
        standstill.close().await;
        Ok(())
    };
    match interrupt.briefly(closing).await {
        Err(Failure::Interrupted(_)) | Ok(()) => result,
        Err(other) => Err(other),
    }
}

/// Deletes while no run acts on the plan's indexes.
async fn delete_while_still(
    session: &Session,
    arguments: &DeleteArguments,
    plan: &Plan,
    erasure: &Erasure,
    interrupt: &Interrupt,
    standstill: &mut Standstill<'_>,
) -> Result<Answer, Failure> {
    let side = arguments.side;
    let index = &side.endpoint(plan).index;
    let conditions = [&arguments.wheres[..], &arguments.holds].concat();
    let found = interrupt.look(async { Ok(erasure.find().await?) }).await?;
    let facts = |answer: Answer, deleted: u64| {
        answer
            .with("side", side.name())
            .with("index", index.as_str())
            .with("namespaces", rows(&found, !conditions.is_empty()))
            .with("deleted", deleted)
    };
    let deletion = Deletion {
        side: side.of_model(),
        what: what(arguments),
        by: session.who(None),
        namespaces: found.iter().map(|one| (one.namespace.clone(), one.matching)).collect(),
    };
    if found.is_empty() {
        if standstill.state.erasing.contains_key(&(deletion.side, deletion.what.clone())) {
            standstill.end(&deletion).await?;
        }
        return Ok(facts(Answer::ok(format!("Nothing in {index} matches.")), 0));
    }
    let preview = preview(session, arguments, index, &found, &standstill.state);
    let asked = interrupt.look(ask(session, arguments, index, &preview)).await?;
    if asked == Some(false) {
        let text = format!("Nothing was deleted: that is not `{index}`.");
        return Ok(facts(Answer::new(Exit::Refused, text), 0));
    }
    if arguments.confirm.is_none() && asked.is_none() {
        let again = format!("vecshift {} --confirm {index}", words(session, arguments));
        let text = format!("{preview}\n\nNothing was deleted. To delete it:\n  {again}");
        return Ok(facts(Answer::new(Exit::Refused, text), 0).with("confirm", again));
    }
    let watch = Stopwatch::start();
    interrupt.guard(async { Ok(standstill.begin(&deletion).await?) }).await?;
    let known = standstill.state.identities.get(&deletion.side).cloned();
    let known = known.filter(|_| standstill.state.is_open());
    let erase = async {
        let known = known.as_ref().map(|known| (deletion.side, known));
        let permit = erasure.permit(index, known, &found).await?;
        Ok(erasure.erase(permit).await?)
    };
    interrupt.guard(erase).await?;
    standstill.end(&deletion).await?;
    let records = matching(&found);
    let text = format!(
        "Deleted {} in {} of {index} ({}); after {} it shows none of them.",
        plural(records, "record"),
        plural(found.len() as u64, "namespace"),
        side.name(),
        duration(watch.elapsed())
    );
    Ok(facts(Answer::ok(text), records))
}

fn erasure(session: &Session, index: Arc<dyn Store>, globs: Vec<String>) -> Result<Erasure> {
    Ok(Erasure {
        index,
        wanted: Wanted::new(globs, None)?,
        clock: session.clock.clone(),
        cancel: tokio_util::sync::CancellationToken::new(),
    })
}

fn preview(
    session: &Session,
    arguments: &DeleteArguments,
    index: &str,
    found: &[Holding],
    state: &RunState,
) -> String {
    let side = arguments.side;
    let head = format!(
        "Would be deleted from {index} ({}): {} in {}.",
        side.name(),
        plural(matching(found), "record"),
        plural(found.len() as u64, "namespace")
    );
    let mut blocks = vec![
        wrap(&head, session.output.stdout.width, "  "),
        table(found, session.output.stdout.width),
    ];
    blocks.extend(describe(&arguments.wheres, &arguments.holds));
    if state.is_open() {
        let open = match side {
            Side::Source => format!(
                "The run of {} is open and this is its source: of what is not copied yet it is the only copy. Delete it from the target, too.",
                state.plan
            ),
            Side::Target => format!(
                "The run of {} is open: what is still in the source is missing here then. Delete it from the source first.",
                state.plan
            ),
        };
        blocks.push(wrap(&open, session.output.stdout.width, ""));
    }
    blocks.join("\n\n")
}

/// Asks for the name at a terminal, unless it was given already. Returns whether it was typed. The plan is held meanwhile, and
/// a lease has to be renewed while somebody thinks.
async fn ask(
    session: &Session,
    arguments: &DeleteArguments,
    index: &str,
    preview: &str,
) -> Result<Option<bool>, Failure> {
    let somebody = session.surroundings.stdin_is_terminal
        && session.surroundings.stderr_is_terminal
        && !session.surroundings.is_ci()
        && !session.output.is_json;
    if arguments.confirm.is_some() || !somebody {
        return Ok(None);
    }
    let question = "This cannot be undone. Type the index's name to delete:";
    let question = wrap(question, session.output.stderr.width, "");
    complain(&format!("{preview}\n\n{question}"));
    let typed = blocking(|| {
        let mut line = String::new();
        Ok(std::io::stdin().lock().read_line(&mut line).is_ok().then_some(line))
    });
    Ok(Some(typed.await?.is_some_and(|line| line.trim() == index)))
}

/// Reconstructs the command as it was given.
fn words(session: &Session, arguments: &DeleteArguments) -> String {
    let plan = session.address(&arguments.plan.display().to_string());
    format!("namespaces delete {plan} --side {} {}", arguments.side.name(), what(arguments))
}

/// Formats the selection as arguments.
fn what(arguments: &DeleteArguments) -> String {
    let mut words = String::new();
    for glob in &arguments.globs {
        words.push_str(&format!(" --match {}", quoted(glob)));
    }
    for (field, value) in &arguments.wheres {
        words.push_str(&format!(" --where {}", quoted(&format!("{field}={value}"))));
    }
    for (field, value) in &arguments.holds {
        words.push_str(&format!(" --holds {}", quoted(&format!("{field}={value}"))));
    }
    words.trim_start().to_owned()
}

fn matching(found: &[Holding]) -> u64 {
    found.iter().map(|holding| holding.matching).sum()
}

fn rows(found: &[Holding], is_filtered: bool) -> Vec<Value> {
    let row = |holding: &Holding| {
        let mut row =
            json!({ "namespace": holding.namespace.explicit(), "records": holding.records });
        if is_filtered {
            row["matching"] = json!(holding.matching);
        }
        row
    };
    found.iter().map(row).collect()
}

/// Renders a table of namespaces and records, with the total of each namespace if only some are selected, and a last
/// line for all of them.
fn table(found: &[Holding], width: u16) -> String {
    let is_part = found.iter().any(|holding| holding.matching != holding.records);
    let rows = found.iter().map(|one| (one.namespace.to_string(), one.matching, one.records));
    let records = found.iter().map(|holding| holding.records).sum();
    let all = (plural(found.len() as u64, "namespace"), matching(found), records);
    let rows = rows.chain([all]);
    if !is_part {
        let mut table = Columns::new(width, ["namespace", "records"]).with_numbers([1]).indented();
        rows.for_each(|(name, _, records)| table.add([name, count(records)]));
        return table.text();
    }
    let header = ["namespace", "records", ""];
    let mut table = Columns::new(width, header).with_numbers([1, 2]).indented();
    for (name, matching, records) in rows {
        table.add([name, count(matching), format!("of {}", count(records))]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_is_printed_can_be_typed() {
        assert_eq!(quoted("creator_1=a"), "creator_1=a");
        assert_eq!(quoted("creator_1_*"), "'creator_1_*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
