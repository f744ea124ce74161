//! What an audit finds in the rows of a table, and counts there.

use super::Finding;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::pgvector::clash;
use crate::provider::pgvector::kind::{Item, Kind};
use crate::provider::pgvector::look::Column;
use crate::provider::pgvector::mapping::{Identity, Mapping};
use crate::provider::pgvector::name::quote;
use crate::provider::pgvector::session::Session;
use crate::provider::pgvector::sql::{is_default, namespace_of};
use crate::provider::pgvector::unnamed::{self, Unnamed};

/// Reads all records once and returns what is wrong with them.
///
/// # Errors
/// Those of the connection.
pub async fn of_records(session: &Session, mapping: &Mapping) -> Result<Vec<Finding>> {
    let mut found = of_ids(session, mapping).await?;
    for (_, column) in &mapping.vectors {
        vectors(session, mapping, column, &mut found).await?;
    }
    found.extend(of_fields(session, mapping).await?);
    Ok(found)
}

/// Counts the rows of each field that have it with two values.
async fn of_fields(session: &Session, mapping: &Mapping) -> Result<Vec<Finding>> {
    let clashes = clash::clashes(mapping);
    if clashes.is_empty() {
        return Ok(Vec::new());
    }
    let counts = clashes.iter().map(|(_, clash)| format!("count(*) filter (where {clash})"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let sql = format!("select {counts} from {}", mapping.table.name.quoted());
    let row = session.row("audit", &sql, &[]).await?;
    let finding = |(at, (column, _)): (usize, &(&Column, String))| {
        let message = "rows whose `jsonb` has another value for the field than its column";
        let found = Finding::counted("two_values", column, row.get(at), message)?;
        Some(found.in_the_way(clash::ONE_VALUE))
    };
    Ok(clashes.iter().enumerate().filter_map(finding).collect())
}

/// Refuses rows that are no record of their own, or that a scan would leave out, where the table lets there be any.
///
/// # Errors
/// `Conflict` with their number and some of them.
pub(in crate::provider::pgvector) async fn refuse_doubles(
    session: &Session,
    mapping: &Mapping,
) -> Result<()> {
    let found = of_distinct(session, mapping).await?;
    let in_the_way = found.iter().filter_map(|one| Some((one.sentence(), one.way_out?)));
    let (all, ways_out): (Vec<_>, Vec<_>) = in_the_way.unzip();
    match ways_out.first() {
        None => Ok(()),
        Some(way_out) => {
            let message = format!("{}: {}", mapping.table.name, all.join("; "));
            Err(Error::new(ErrorKind::Conflict, message).with_hint(*way_out))
        }
    }
}

/// Returns what of the ids the table does not see to itself: nothing, two names of the default namespace, or all of them.
///
/// # Errors
/// Those of the connection.
pub(in crate::provider::pgvector) async fn of_distinct(
    session: &Session,
    mapping: &Mapping,
) -> Result<Vec<Finding>> {
    match mapping.has_key() {
        false => of_ids(session, mapping).await,
        true => Ok(of_two_names(session, mapping).await?.into_iter().collect()),
    }
}

/// Counts the ids that stand under two names of the default namespace, where a key over both lets them.
async fn of_two_names(session: &Session, mapping: &Mapping) -> Result<Option<Finding>> {
    let Some(tenant) = mapping.with_two_names() else { return Ok(None) };
    match unnamed::names(session, &mapping.table.name, tenant).await?.len() {
        0 | 1 => Ok(None),
        _ => {
            let found = doubles(session, mapping, Some(&is_default(tenant))).await?;
            let of_names = |found: Finding| Finding {
                message: format!(
                    "{}: of an empty namespace and of `__default__`, which are both the default one",
                    found.message
                ),
                ..found.in_the_way(ONE_NAME)
            };
            Ok(found.map(of_names))
        }
    }
}

/// Returns the name that the rows of a table have for the default namespace, if there are such rows.
///
/// # Errors
/// `Refused` if they have two and the table's key would let a record stand under both; those of the connection.
pub(in crate::provider::pgvector) async fn refuse_two_names(
    session: &Session,
    mapping: &Mapping,
) -> Result<Option<Unnamed>> {
    let Some(tenant) = &mapping.tenant else { return Ok(None) };
    let names = unnamed::names(session, &mapping.table.name, tenant).await?;
    match names[..] {
        [_, _, ..] if mapping.with_two_names().is_some() => {
            let message = format!("{}: {}", mapping.table.name, TWO_NAMES);
            Err(Error::new(ErrorKind::Refused, message).with_hint(ONE_NAME))
        }
        _ => Ok(names.first().copied()),
    }
}

/// Counts what would keep records of the default namespace from being written to one row each.
///
/// # Errors
/// Those of the connection.
pub(in crate::provider::pgvector) async fn of_names(
    session: &Session,
    mapping: &Mapping,
) -> Result<Option<Finding>> {
    let Some(tenant) = mapping.with_two_names() else { return Ok(None) };
    if unnamed::names(session, &mapping.table.name, tenant).await?.len() < 2 {
        return Ok(None);
    }
    let rows: i64 = unnamed::counts(session, &mapping.table.name, tenant).await?.iter().sum();
    let found = Finding::counted("default_twice", tenant, rows, TWO_NAMES);
    Ok(found.map(|found| found.in_the_way(ONE_NAME)))
}

const TWO_NAMES: &str = "rows of an empty namespace, and rows of `__default__`: both are the default one, and a record could stand under each";
const ONE_NAME: &str = "give these rows one of the two names";

/// Reads all ids once and returns what is wrong with them.
///
/// # Errors
/// Those of the connection.
async fn of_ids(session: &Session, mapping: &Mapping) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let (table, id) = (mapping.table.name.quoted(), quote(&mapping.id.name));
    let negative = if mapping.id.kind.is_whole() {
        format!("count(*) filter (where {id} < 0)")
    } else {
        "0::int8".to_owned()
    };
    let sql = format!(
        "select count(*) filter (where {id} is null), count(*) filter (where {id}::text = ''), {negative} from {table}"
    );
    let row = session.row("audit", &sql, &[]).await?;
    let null = Finding::counted("null_ids", &mapping.id, row.get(0), "rows without an id");
    let way_out = "give them ids, or read a view that leaves them out";
    found.extend(null.map(|null| null.in_the_way(way_out)));
    found.extend(Finding::counted("empty_ids", &mapping.id, row.get(1), "ids that are empty"));
    found.extend(Finding::counted(
        "negative_ids",
        &mapping.id,
        row.get(2),
        "ids below zero, which are moved as texts",
    ));
    if mapping.identity == Identity::NotEnforced {
        found.extend(doubles(session, mapping, None).await?);
    }
    found.extend(of_two_names(session, mapping).await?);
    vouched(session, mapping, &mut found).await?;
    if let Some(tenant) = &mapping.tenant {
        let rows = unnamed::counts(session, &mapping.table.name, tenant).await?;
        let is_one = rows.iter().filter(|rows| **rows > 0).count() < 2;
        found.extend(Finding::counted(
            "default_twice",
            tenant,
            if is_one { 0 } else { rows.iter().sum() },
            "rows without a namespace, of an empty one or of `__default__`: all of them are the default one",
        ));
    }
    Ok(found)
}

/// Counts the rows whose id another row of the same namespace has, with some of these ids.
/// `within` are the rows that are looked at, if not all.
async fn doubles(
    session: &Session,
    mapping: &Mapping,
    within: Option<&str>,
) -> Result<Option<Finding>> {
    let (table, id) = (mapping.table.name.quoted(), quote(&mapping.id.name));
    // What is one id is decided by its text, as records have it, and not by what the column holds for equal.
    let by = match mapping.id.kind {
        Kind::Text | Kind::Other => format!("({id}::text) collate \"C\""),
        _ => id.clone(),
    };
    let tenant = mapping.tenant.as_ref();
    let tenant = tenant.map(|column| format!(", {}", namespace_of(column)));
    let within = within.map(|condition| format!(" and {condition}")).unwrap_or_default();
    let sql = format!(
        "with more as (select ({by})::text as id, count(*) as times from {table} where {id} is not null{within} group by {by}{} having count(*) > 1) \
         select coalesce(sum(times - 1), 0)::int8, \
         (select pg_catalog.string_agg(shown, ', ') from (select '`' || left(id, 40) || '` in ' || times || ' rows' as shown from more order by times desc, id limit 5) few) \
         from more",
        tenant.unwrap_or_default()
    );
    let row = session.row("audit", &sql, &[]).await?;
    let (records, some): (i64, Option<String>) = (row.get(0), row.get(1));
    let message = format!(
        "rows whose id another row has, of which one record would replace the other ({})",
        some.unwrap_or_default()
    );
    let way_out = "`row.tenant` names the column by which ids are apart; else make them distinct, or read a view with ids that are";
    let found = Finding::counted("duplicate_ids", &mapping.id, records, message);
    Ok(found.map(|found| found.in_the_way(way_out)))
}

/// Counts the rows that a scan in the order of a vouched key would leave out.
async fn vouched(session: &Session, mapping: &Mapping, found: &mut Vec<Finding>) -> Result<()> {
    let Some(order) = mapping.order.as_ref().filter(|_| mapping.is_vouched) else { return Ok(()) };
    let names: Vec<_> = order.iter().map(|column| quote(&column.name)).collect();
    let is_null: Vec<_> = names.iter().map(|name| format!("{name} is null")).collect();
    let (names, is_null, table) =
        (names.join(", "), is_null.join(" or "), mapping.table.name.quoted());
    let sql = format!(
        "select (select count(*) from {table} where {is_null}), \
         (select coalesce(sum(times - 1), 0)::int8 from (select count(*) as times from {table} \
          where not ({is_null}) group by {names} having count(*) > 1) more)"
    );
    let row = session.row("audit", &sql, &[]).await?;
    let about = &order[0];
    let null = "rows whose key holds a null, which a scan would not meet";
    let double = "rows whose key another row has, of which a scan could leave some out";
    let both = [
        Finding::counted("null_keys", about, row.get(0), null),
        Finding::counted("duplicate_keys", about, row.get(1), double),
    ];
    let way_out = "name columns under `row.key` that together occur once and are never null";
    found.extend(both.into_iter().flatten().map(|one| one.in_the_way(way_out)));
    Ok(())
}

async fn vectors(
    session: &Session,
    mapping: &Mapping,
    column: &Column,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let name = quote(&column.name);
    let Measures { zero, not_finite, unreadable, rounded, emptied, components } =
        measures(mapping, column);
    let (smallest, largest) = match &components {
        Some(components) => {
            (format!("min({components})::int8"), format!("max({components})::int8"))
        }
        None => ("null::int8".to_owned(), "null::int8".to_owned()),
    };
    let sql = format!(
        "select count(*) filter (where {name} is null), count(*) filter (where {zero}), count(*) filter (where {not_finite}), \
         {smallest}, {largest}, count(*) filter (where {unreadable}), count(*) filter (where {rounded}), count(*) filter (where {emptied}) from {}",
        mapping.table.name.quoted()
    );
    let row = session.row("audit", &sql, &[]).await?;
    found.extend(Finding::counted("null_vectors", column, row.get(0), "rows without this vector"));
    found.extend(Finding::counted(
        "zero_vectors",
        column,
        row.get(1),
        "vectors that are all zero: under cosine no query finds them",
    ));
    found.extend(Finding::counted(
        "not_finite",
        column,
        row.get(2),
        match mapping.is_rounding {
            true => "vectors with a number that is none, or infinite once it has 32 bits",
            false => "vectors with a number that is infinite or none",
        },
    ));
    let unreadable = "vectors with a null among their numbers, or of several dimensions";
    let unreadable = Finding::counted("unreadable", column, row.get(5), unreadable);
    let way_out = "mend them, or leave the column out of `row.vectors`";
    found.extend(unreadable.map(|one| one.in_the_way(way_out)));
    let rounded = "vectors with a number that no 32-bit float keeps";
    let rounded = Finding::counted("rounded", column, row.get(6), rounded);
    found.extend(rounded.map(|one| match mapping.is_rounding {
        true => one,
        false => one.in_the_way("`row: { round: true }` of the source takes the nearest"),
    }));
    let emptied =
        "vectors of which rounding to 32 bits makes zeros, which under cosine no query finds";
    let emptied = Finding::counted("emptied", column, row.get(7), emptied);
    found.extend(
        emptied.map(|one| one.in_the_way("read a view that leaves them out or makes them longer")),
    );
    let (smallest, largest): (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
    if smallest != largest {
        let message = format!(
            "vectors of {} to {} components",
            smallest.unwrap_or_default(),
            largest.unwrap_or_default()
        );
        found.push(Finding::of("dimensions_differ", column.name.clone(), message));
    }
    Ok(())
}

/// Conditions and an expression over one vector.
struct Measures {
    zero: String,
    not_finite: String,
    unreadable: String,
    rounded: String,
    /// Of numbers that are rounded.
    emptied: String,
    components: Option<String>,
}

fn measures(mapping: &Mapping, column: &Column) -> Measures {
    let (name, schema) = (quote(&column.name), quote(&mapping.extension.schema));
    let of = |zero: String, components: Option<String>| {
        let never = || "false".to_owned();
        let (not_finite, unreadable) = (never(), never());
        let (rounded, emptied) = (never(), never());
        Measures { zero, not_finite, unreadable, rounded, emptied, components }
    };
    match column.kind {
        Kind::Vector | Kind::Halfvec => {
            let norm = if column.kind == Kind::Vector { "vector_norm" } else { "l2_norm" };
            let components = format!("{schema}.vector_dims({name})");
            let is_open = column.dimension.is_none();
            of(format!("{schema}.{norm}({name}) = 0"), is_open.then_some(components))
        }
        Kind::Sparsevec => of(format!("{schema}.l2_norm({name}) = 0"), None),
        Kind::List(item @ (Item::Float4 | Item::Float8)) => {
            let any = |condition: &str| {
                format!(
                    "exists (select 1 from pg_catalog.unnest({name}) as one(item) where {condition})"
                )
            };
            let zero = format!("{name} is not null and not {}", any("item is null or item <> 0"));
            let of = of(zero, Some(format!("pg_catalog.cardinality({name})")));
            // What is beyond the largest or below the smallest would fail to be cast, and is no number of 32 bits.
            let rounded = any(
                "item not in ('NaN', 'Infinity', '-Infinity') and case when abs(item) >= 3.4028235677973366e38 then true \
                 when item <> 0 and abs(item) < 1.4012984643248170e-45 then true else item::float4::float8 <> item end",
            );
            let is_rounded = mapping.is_rounding && item == Item::Float8;
            // Half of the smallest number of 32 bits, and what is nearer to 2^128 than to the largest.
            let is_left = "item is null or not abs(item) <= 7.006492321624085e-46";
            let is_infinite = "item in ('NaN', 'Infinity', '-Infinity')";
            let is_infinite = match is_rounded {
                true => format!("{is_infinite} or abs(item) >= 3.4028235677973366e38"),
                false => is_infinite.to_owned(),
            };
            Measures {
                not_finite: any(&is_infinite),
                emptied: match is_rounded {
                    true => format!("{} and not {}", any("item <> 0"), any(is_left)),
                    false => of.emptied,
                },
                unreadable: format!(
                    "({} or pg_catalog.array_ndims({name}) > 1)",
                    any("item is null")
                ),
                rounded: if item == Item::Float8 { rounded } else { of.rounded },
                ..of
            }
        }
        _ => of(format!("position('1' in {name}::text) = 0"), None),
    }
}
