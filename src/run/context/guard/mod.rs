//! The guard: the one place through which everything destructive and everything that moves traffic has to pass.
//!
//! The journal says what was intended; only the world says what is. Every [`Effect`] therefore has a row in [`TABLE`]
//! that lists what is checked before it happens, and in which order. [`permit`](permit::permit) makes these checks and
//! returns a [`Permit`](permit::Permit) if all of them hold; nothing else creates one. Functions that change the world
//! take a permit by value, and only this module uses the `Hands` of the room around it, which alone hold an
//! [`Admin`](crate::store::Admin). A deletion without its checks cannot be written anywhere else.
//!
//! Nothing waits between the last check and the call: these calls have no throttle and no retries. If one fails in a
//! way that may pass, everything is checked again before the next attempt.

mod confirmation;
mod contents;
mod counts;
mod deletion;
mod effect;
mod erase;
mod identity;
mod ownership;
mod permit;
mod protection;
mod removal;
mod table;
mod traffic;
mod weight;

pub(in crate::run) use confirmation::confirm;
pub(in crate::run) use contents::{
    alias_of, alias_to_move, obstacles, refuse_obstacles, refuse_uncopied, short_of,
};
pub(in crate::run) use counts::{agreed, counted};
pub(in crate::run) use deletion::{delete_source, delete_target, see_gone, settle};
pub(in crate::run) use effect::Checked;
use effect::Effect;
pub(in crate::run) use erase::permit_erasure;
pub use erase::{ErasePermit, Holding};
pub(in crate::run) use identity::{
    must_both_be_there, refuse_another, refuse_others, refuse_shared_storage, remember,
    remember_target,
};
pub(in crate::run) use ownership::{claim, claim_asked, own_name, probe_namespace, show};
pub(in crate::run) use protection::{Restored, lift_source, protect_target, put_back};
pub(in crate::run) use removal::{
    folder_name, imports_of, remove_probe, remove_probes, remove_resource,
};
pub use table::{Look, Row, TABLE, markdown};
pub(in crate::run) use weight::set_weight;
