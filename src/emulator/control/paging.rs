//! Pages of the control plane.

use crate::emulator::error::{Answer, Refusal};
use crate::emulator::incoming::Incoming;
use crate::emulator::shelf::{Kept, Shelf};
use crate::pinecone_wire::json::{Page, Pagination};
use crate::pinecone_wire::limits::LIST_BACKUPS;

/// Returns one page of what a shelf keeps, each item rendered by `show`.
pub(crate) fn page<T: Kept, M>(
    shelf: &Shelf<T>,
    incoming: &Incoming,
    wanted: impl Fn(&T) -> bool,
    show: impl Fn(&T) -> M,
) -> Answer<Page<M>> {
    let limit = match incoming.limit()? {
        None => incoming.version.default_page(),
        Some(limit) if (1..=LIST_BACKUPS).contains(&(limit as usize)) => limit as usize,
        Some(limit) => {
            return Err(Refusal::invalid(format!(
                "limit must be 1 to {LIST_BACKUPS}, got {limit}."
            )));
        }
    };
    let after = incoming.page().map(read_token).transpose()?.unwrap_or(0);
    let (things, next) = shelf.page(wanted, after, limit);
    Ok(Page {
        data: things.iter().map(|thing| show(thing)).collect(),
        pagination: Pagination::to(next.map(|next| format!("{next:016x}"))),
    })
}

fn read_token(token: &str) -> Answer<u64> {
    u64::from_str_radix(token, 16)
        .map_err(|_| Refusal::invalid(format!("Invalid pagination token: {token}")))
}
