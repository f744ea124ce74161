//! The one place that everything destructive, and everything that moves traffic, has to pass.
//!
//! The journal says what was intended; only the world says what is. Every [`Effect`] therefore has a row in [`TABLE`]:
//! what is looked at, and in which order, before it happens. [`permit`](permit::permit) takes these looks and makes a [`Permit`](permit::Permit)
//! where all of them hold; nothing else makes one. What changes the world takes a permit by value, and only this module
//! reaches into [`Hands`], which alone hold an [`Admin`](crate::provider::Admin): a deletion that nobody looked at
//! cannot be written elsewhere.
//!
//! Between the last look and the call nothing waits: these calls are made without throttle and without retries. Where
//! one fails in a way that may pass, everything is looked at again before the next try.

mod confirmation;
mod contents;
mod deletion;
mod effect;
mod erase;
mod hands;
mod identity;
mod ownership;
mod permit;
mod protection;
mod removal;
mod table;
mod traffic;
mod weight;

pub(super) use confirmation::{Confirmed, confirm};
pub(super) use contents::{agreed, refuse_loss};
pub(super) use deletion::{delete_source, delete_target, settle};
pub(super) use effect::Checked;
use effect::Effect;
pub use erase::ErasePermit;
pub(super) use erase::permit_erasure;
pub(super) use hands::Hands;
pub(super) use identity::{refuse_another, refuse_other, remember, remember_target};
pub(super) use ownership::{claim, own_name};
pub(super) use protection::{lift_source, protect_target, put_back};
pub(super) use removal::{folder_name, imports_of, remove_probe, remove_resource};
pub use table::{Look, Row, TABLE, markdown};
pub(super) use weight::set_weight;
