//! Pages of the control plane: `limit`, `paginationToken` and `pagination.next`.

use serde_json::{Value, json};

use crate::emulator::error::{Answer, Refusal};
use crate::emulator::rest::Incoming;
use crate::emulator::shelf::{Kept, Shelf};
use crate::pinecone_wire::limits::LIST_BACKUPS;

/// One page of what a shelf keeps, each thing shown by `show`.
pub(crate) fn page<T: Kept>(
    shelf: &Shelf<T>,
    incoming: &Incoming,
    wanted: impl Fn(&T) -> bool,
    show: impl Fn(&T) -> Value,
) -> Answer<Value> {
    let limit = match incoming.number("limit")? {
        None => incoming.version.default_page(),
        Some(limit) if (1..=LIST_BACKUPS).contains(&(limit as usize)) => limit as usize,
        Some(limit) => {
            return Err(Refusal::invalid(format!(
                "limit must be 1 to {LIST_BACKUPS}, got {limit}."
            )));
        }
    };
    let token = incoming.parameter("paginationToken").filter(|token| !token.is_empty());
    let after = token.map(read_token).transpose()?.unwrap_or(0);
    let (things, next) = shelf.page(wanted, after, limit);
    let mut body = json!({ "data": things.iter().map(|thing| show(thing)).collect::<Vec<_>>() });
    if let Some(next) = next {
        body["pagination"] = json!({ "next": format!("{next:016x}") });
    }
    Ok(body)
}

fn read_token(token: &str) -> Answer<u64> {
    u64::from_str_radix(token, 16)
        .map_err(|_| Refusal::invalid(format!("Invalid pagination token: {token}")))
}
