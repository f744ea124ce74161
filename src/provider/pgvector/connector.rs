//! What plans and runs ask of PostgreSQL with pgvector as a system.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::address::Address;
use super::check;
use super::design::{Design, KIND};
use super::keys::{Keys, Row};
use super::made;
use super::name::{TableName, cut, quote};
use super::peer::LIMITS;
use super::place::{Pattern, Place};
use super::refuse::planned_rejects;
use super::session::{Session, Settings};
use super::spec;
use super::store::Table;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexSpec, Metric, Namespace, Record, Side};
use crate::plan::file::{CreateSpec, Endpoint, Secret, Traffic};
use crate::plan::{Context, Plan, System, codes};
use crate::provider::{Connector, Double, Environment, Records, Secret as Key, StandIn};
use crate::store::calls::{CallOptions, TimeoutOptions};
use crate::store::{Absent, Opened, Refusal};

/// Variable with the URL if the plan names none.
const URL_VARIABLE: &str = "DATABASE_URL";

/// Variable with the URL of the database that stands for a target in a rehearsal. A schema of its own is made there, and
/// emptied before each rehearsal.
const REHEARSAL_VARIABLE: &str = "VECSHIFT_REHEARSAL_DATABASE_URL";

/// The longest time of a request.
const LONGEST: Duration = Duration::from_secs(600);

/// Bytes of the namespace that a run probes an index by: `vecshift-probe-` and the end of its id.
const PROBE: usize = 31;

/// Begin of the names of these schemas.
const REHEARSAL_SCHEMA: &str = "vecshift_rehearsal_";

/// PostgreSQL with pgvector.
pub(in crate::provider) struct Pgvector;

impl System for Pgvector {
    fn name(&self) -> &'static str {
        "pgvector"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn meaning(&self) -> &'static str {
        "A table of PostgreSQL with vectors of pgvector; see `docs/pgvector.md`."
    }

    fn index(&self) -> Option<&'static str> {
        Some(
            "for PostgreSQL the table as `schema.table`, or a table of the schema `public`; `schema.items_{namespace}` \
             is a table for each namespace",
        )
    }

    fn endpoint(&self, generator: &mut SchemaGenerator) -> Schema {
        Keys::json_schema(generator)
    }

    fn secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Secret)> {
        Keys::of(endpoint).url.map(|secret| ("url", secret)).into_iter().collect()
    }

    fn check(&self, context: &mut Context<'_>, side: Side) {
        let (endpoint, pointer) = (context.endpoint(side), format!("/{}", side.name()));
        let keys = Keys::of(endpoint);
        match Place::read(&endpoint.index) {
            Ok(Place::Table(_)) => {}
            Ok(Place::Tables(pattern)) => apart(context, (side, &pointer), &keys, &pattern),
            Err(why) => {
                let message = format!("`{}` cannot be the name of a table: {why}", endpoint.index);
                context.report_with(
                    &codes::INDEX_NAME,
                    &format!("{pointer}/index"),
                    message,
                    |d| d.note("a table is named as `schema.table`, each part of at most 63 bytes"),
                );
            }
        }
        columns(context, (&pointer, side), &keys);
    }

    fn has_aliases(&self) -> bool {
        true
    }

    fn spec(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(spec::Keys::json_schema(generator))
    }

    fn check_spec(&self, context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
        check::check(context, pointer, spec);
    }
}

#[async_trait]
impl Connector for Pgvector {
    fn open(
        &self,
        endpoint: &Endpoint,
        side: Side,
        environment: &Environment,
    ) -> Result<Arc<dyn Opened>> {
        let row = Keys::of(endpoint).row.unwrap_or_default();
        let settings = Settings { statement_timeout: LONGEST, ..Settings::default() };
        if environment.stand_in.is_none() {
            let address = address(endpoint, side.name(), environment)?;
            return Ok(Arc::new(Table::new(address, settings, &endpoint.index, row)?));
        }
        match side {
            // It is the real table, and the server itself refuses whatever would change it.
            Side::Source => {
                let settings = Settings { is_read_only: true, ..settings };
                let address = address(endpoint, side.name(), environment)?;
                Ok(Arc::new(Table::new(address, settings, &endpoint.index, row)?))
            }
            Side::Target => {
                let place = rehearsal_place(endpoint)?;
                let url = environment.stand_ins.get(self.name()).map(|one| &one.api_key);
                let none = || Error::invalid("nothing stands for the target of this rehearsal");
                let address = Address::read(url.ok_or_else(none)?)?;
                Ok(Arc::new(Table::placed(address, settings, (&endpoint.index, place), row)))
            }
        }
    }

    /// By the operators `<=>`, `<#>` and `<->` (pgvector, README, 2026).
    fn score(&self, metric: Metric) -> Option<&'static str> {
        Some(match metric {
            Metric::Cosine => "1 - the cosine",
            Metric::Dotproduct => "minus the dot product",
            Metric::Euclidean => "the distance",
        })
    }

    /// A table that is not looked at is one that cannot be reached; what it would refuse follows from the plan.
    fn absent(&self) -> Arc<dyn Opened> {
        Arc::new(Absent { lacks: "its URL", limits: LIMITS, rules: rejects_planned })
    }

    fn needed_secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Secret)> {
        vec![("url", url(endpoint))]
    }

    fn no_source(&self, endpoint: &Endpoint, environment: &Environment) -> Error {
        let at = address(endpoint, "source", environment).map(|address| address.place());
        let at = at.map(|place| format!(" at {place}")).unwrap_or_default();
        let message = format!("there is no source: no table `{}`{at}", endpoint.index);
        Error::new(ErrorKind::NotFound, message)
            .with_hint("check `source.index` and the database of the URL, and that the role may use the schema")
    }

    /// One database is one project.
    fn is_same_project(
        &self,
        source: &Endpoint,
        target: &Endpoint,
        environment: &Environment,
    ) -> Result<bool> {
        let place = |endpoint, side: Side| address(endpoint, side.name(), environment);
        Ok(place(source, Side::Source)?.place() == place(target, Side::Target)?.place())
    }

    fn would_hold(&self, source: &Endpoint, target: &Endpoint) -> bool {
        let (Ok(Place::Tables(pattern)), Ok(target)) =
            (Place::read(&source.index), Place::read(&target.index))
        else {
            return false;
        };
        let first = target.first();
        first.schema == pattern.schema && pattern.namespace(&first.name).is_some()
    }

    fn asked_for(&self, endpoint: &Endpoint, spec: &CreateSpec) -> Option<IndexSpec> {
        let row = Keys::of(endpoint).row.unwrap_or_default();
        Some(made::asked_for(&endpoint.index, &row, spec))
    }

    fn refuses_namespace(
        &self,
        endpoint: &Endpoint,
        namespace: &Namespace,
    ) -> Option<&'static str> {
        match Place::read(&endpoint.index) {
            Ok(Place::Tables(pattern)) => pattern.refuses(namespace),
            _ => namespace.as_str().contains('\0').then_some("contains NUL"),
        }
    }

    /// An index over the vectors can be made and dropped, and a table without one says nothing of a metric.
    fn differences(&self, asked: &IndexSpec, seen: &IndexSpec) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |field: &str, seen: String, asked: String| {
            if seen != asked {
                lines.push(format!("{field}: {seen}, the plan asks for {asked}"));
            }
        };
        let dimension =
            |spec: &IndexSpec| spec.dimension.map_or("none".to_owned(), |value| value.to_string());
        // A table whose column takes any number of components fits once records are in it.
        if seen.dimension.is_some() {
            compare("dimension", dimension(seen), dimension(asked));
        }
        if seen.deployment.knows_metric {
            compare("metric", seen.metric.to_string(), asked.metric.to_string());
        }
        let kind = |spec: &IndexSpec| format!("{:?}", spec.vector_type).to_lowercase();
        compare("vector_type", kind(seen), kind(asked));
        let element = |spec: &IndexSpec| {
            Design::of(&spec.deployment).map_or("none".to_owned(), |design| design.kept_as())
        };
        compare("element", element(seen), element(asked));
        let apart = |spec: &IndexSpec| match Design::of(&spec.deployment) {
            Some(design) if design.is_partitioned => "partitions".to_owned(),
            _ => "column".to_owned(),
        };
        compare("namespaces", apart(seen), apart(asked));
        lines
    }

    /// A batch or a page of a busy server may take minutes; counts, which read the whole table, have no deadline.
    fn calls(&self) -> CallOptions {
        let timeout = TimeoutOptions { data: LONGEST, control: LONGEST };
        CallOptions { timeout, ..CallOptions::default() }
    }

    /// A source is read as it is; a target stands in a schema of its own, which is emptied here.
    async fn stand_in(
        &self,
        plan: &Plan,
        side: Side,
        environment: &Environment,
        _: &(dyn Fn() -> Result<Records> + Sync),
    ) -> Result<Option<Box<dyn Double>>> {
        if side == Side::Source {
            return Ok(None);
        }
        let asked = Secret::Env(REHEARSAL_VARIABLE.to_owned());
        let url = environment.secret(&asked, "a rehearsal").map_err(|error| {
            error.with_hint(
                "name a database that a rehearsal may write to; it makes a schema of its own there",
            )
        })?;
        let address = Address::read(&url)?;
        let session = Session::open(&address, Settings::default()).await?;
        let schema = rehearsal_place(&plan.target)?.schema().to_owned();
        session
            .batch("empty", &format!("drop schema if exists {} cascade", quote(&schema)))
            .await?;
        Ok(Some(Box::new(Emptied { url, place: address.place(), schema })))
    }
}

/// The schema in which the target of a rehearsal stands. It stays, to be looked at.
struct Emptied {
    url: Key,
    place: String,
    schema: String,
}

#[async_trait]
impl Double for Emptied {
    fn stand_in(&self) -> StandIn {
        StandIn { endpoint: self.place.clone(), api_key: self.url.clone() }
    }

    fn describe(&self) -> String {
        format!(
            "The target stands in the schema {} at {}, which was emptied.",
            self.schema, self.place
        )
    }

    async fn end(self: Box<Self>) {}
}

fn url(endpoint: &Endpoint) -> Secret {
    Keys::of(endpoint).url.unwrap_or_else(|| Secret::Env(URL_VARIABLE.to_owned()))
}

fn address(endpoint: &Endpoint, side: &str, environment: &Environment) -> Result<Address> {
    Address::read(&environment.secret(&url(endpoint), &format!("{side}.url"))?)
}

/// Returns where the table stands in a rehearsal.
fn rehearsal_place(endpoint: &Endpoint) -> Result<Place> {
    let place = Place::named(&endpoint.index, "the name of a table")?;
    let (schema, name) = (place.schema().to_owned(), place.first().name);
    let schema = cut(&format!("{REHEARSAL_SCHEMA}{schema}_{name}")).to_owned();
    Ok(match place {
        Place::Table(name) => Place::Table(TableName { schema, ..name }),
        Place::Tables(pattern) => Place::Tables(Pattern { schema, ..pattern }),
    })
}

/// Checks what cannot be said of tables that hold a namespace each.
fn apart(context: &mut Context<'_>, (side, pointer): (Side, &str), keys: &Keys, pattern: &Pattern) {
    let index = context.region(&format!("{pointer}/index"));
    if side == Side::Target && pattern.refuses(&Namespace::new("x".repeat(PROBE))).is_some() {
        let message = "it leaves no room for the namespace of a run's own probes";
        context.report_with(&codes::INDEX_NAME, &format!("{pointer}/index"), message, |d| {
            d.note(format!("a table's name has at most 63 bytes, and that namespace has {PROBE}"))
        });
    }
    if side == Side::Source {
        refuse_growing(context);
    }
    if keys.row.as_ref().is_some_and(|row| row.tenant.is_some()) {
        let message = "each namespace has a table of its own, and no column that names it";
        let at = format!("{pointer}/row/tenant");
        context.report_with(&codes::BAD_COLUMNS, &at, message, |d| d.related(index, "the tables"));
    }
    if matches!(context.file.traffic, Some(Traffic::Alias(_))) {
        let message = "an alias stands for one table, and not for one of each namespace";
        context.report_with(&codes::BAD_TRAFFIC, "/traffic/alias", message, |d| {
            d.related(index, "the tables")
        });
    }
}

/// Checks that no table of the target is one of the source's by its name. Of two URLs that lead to one database a run finds it.
fn refuse_growing(context: &mut Context<'_>) {
    let (source, target) = (context.endpoint(Side::Source), context.endpoint(Side::Target));
    let is_one_server = target.provider == source.provider && url(target) == url(source);
    if is_one_server && Pgvector.would_hold(source, target) {
        let source = context.region("/source/index");
        let message = "the tables of the target would be the source's, too, by their names";
        context.report_with(&codes::INDEX_NAME, "/target/index", message, |d| {
            d.related(source, "the source").help("name another schema")
        });
    }
}

/// Checks that each column has one use.
fn columns(context: &mut Context<'_>, (pointer, side): (&str, Side), keys: &Keys) {
    let row = keys.row.clone().unwrap_or_default();
    if row.round && side == Side::Target {
        let message = "only a source is rounded as it is read; of a target see `rounding` of the create stage";
        context.report(&codes::BAD_COLUMNS, &format!("{pointer}/row/round"), message);
    }
    if !row.vectors.is_empty() && (row.vector.is_some() || row.sparse.is_some()) {
        let message = "`vectors` names all columns of vectors, so `vector` and `sparse` have no place beside it";
        context.report(&codes::BAD_COLUMNS, &format!("{pointer}/row/vectors"), message);
    }
    let named = row.named();
    for (at, (key, name)) in named.iter().enumerate() {
        let Some((first, _)) = named[..at].iter().find(|(_, other)| other == name) else {
            continue;
        };
        let first = context.region(&format!("{pointer}/row/{first}"));
        let message = format!("the column `{name}` has another use already");
        context.report_with(&codes::BAD_COLUMNS, &format!("{pointer}/row/{key}"), message, |d| {
            d.related(first, "its first use")
        });
    }
}

/// Returns why the table that is planned would refuse a record.
fn rejects_planned(
    namespace: &Namespace,
    record: &Record,
    planned_as: Option<&IndexSpec>,
) -> Option<Refusal> {
    let spec = planned_as?;
    let record = (namespace, record);
    planned_rejects(&Place::read(&spec.name).ok()?, &Row::default(), spec, record)
}
