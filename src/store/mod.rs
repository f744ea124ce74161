//! Stores as neutral parts. **A capability is the presence of a part**: no method answers "unsupported".
//!
//! An index can always be described. What else it can do, it hands out as a part, or not: [`Scan`] reads whole records,
//! [`Views`] keeps what it reads as it was, [`Fetch`] reads by id, [`Search`] finds the nearest, [`Filtering`] counts by a filter, [`Freeze`] keeps a copy that does
//! not change, [`Thaw`] makes an index of such a copy, [`Write`] takes records, [`Admin`] makes an index, [`Bulk`] imports
//! files, [`Alias`] keeps names that stand for indexes, [`Discard`] ends what a store made along the way, and [`Remove`] takes away what cannot be brought back. The parts
//! are those of what was there when it was last described.
//!
//! Who holds an index as a [`Source`] cannot change it, who holds it as a [`Target`] can fill it, and only who holds the
//! [`Store`] can take anything away.
//!
//! Every request goes through [`calls::Calls`], which a provider is given when it is opened.

mod absent;
mod admin;
mod alias;
mod bulk;
pub mod calls;
mod describe;
mod fetch;
mod filtering;
mod freeze;
mod inventory;
mod limits;
pub mod read;
mod refusal;
mod remove;
mod scan;
mod search;
mod views;
mod write;

use std::sync::Arc;

pub use absent::Absent;
pub use admin::{Admin, Finishing};
pub use alias::{Alias, Pointed};
pub use bulk::{Bulk, Import};
pub use describe::Describe;
pub use fetch::{Fetch, Passes, fetch_all};
pub use filtering::Filtering;
pub use freeze::{Collection, Freeze, Standing, Thaw};
pub use inventory::{Inventory, Obstacle, PassedOver, Sort};
pub use limits::Limits;
pub use refusal::{Refusal, Refusals, Rule};
pub use remove::{Discard, IndexChange, Remove};
pub use scan::{Asked, Promise, Scan, Scope, Split, Splitting};
pub use search::{Match, Query, Search};
pub use views::Views;
pub use write::{Reader, Refused, Upserted, Write, both_of};

use crate::error::{Error, Result};
use crate::model::Range;

/// An index as its readers see it: nothing that it hands out changes it.
pub trait Source: Describe {
    /// Most that one request may hold.
    fn limits(&self) -> Limits;

    /// Reads whole records.
    fn scan(&self) -> Option<Arc<dyn Scan>> {
        None
    }

    /// Shows everything as it was at one moment. Without it a scan sees what is there at the time of each page.
    fn views(&self) -> Option<Arc<dyn Views>> {
        None
    }

    /// Reads records by id.
    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        None
    }

    /// Finds the nearest records.
    fn search(&self) -> Option<Arc<dyn Search>> {
        None
    }

    /// Counts records by a filter.
    fn filtering(&self) -> Option<Arc<dyn Filtering>> {
        None
    }

    /// Keeps copies that do not change.
    fn freeze(&self) -> Option<Arc<dyn Freeze>> {
        None
    }

    /// [`Source::scan`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_scan(&self) -> Result<Arc<dyn Scan>> {
        need(self.scan(), "be read as a whole")
    }

    /// [`Source::fetch`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_fetch(&self) -> Result<Arc<dyn Fetch>> {
        need(self.fetch(), "be read by id")
    }

    /// [`Source::search`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_search(&self) -> Result<Arc<dyn Search>> {
        need(self.search(), "be searched")
    }

    /// [`Source::freeze`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_freeze(&self) -> Result<Arc<dyn Freeze>> {
        need(self.freeze(), "keep a copy of itself")
    }

    /// Returns the most ids that it finds in one pass over all of them; `None` if it finds an id without.
    fn ids_a_pass(&self) -> Option<usize> {
        self.fetch()?.passes().map(|passes| passes.most_ids())
    }

    /// Returns the range that is a whole namespace, whatever it holds.
    fn whole(&self) -> Option<Range> {
        self.scan().and_then(|scan| scan.whole())
    }
}

/// An index that can be made and filled.
pub trait Target: Source {
    /// Takes records.
    fn write(&self) -> Option<Arc<dyn Write>> {
        None
    }

    /// Makes the index.
    fn admin(&self) -> Option<Arc<dyn Admin>> {
        None
    }

    /// Makes the index of a copy that does not change.
    fn thaw(&self) -> Option<Arc<dyn Thaw>> {
        None
    }

    /// Imports files by itself.
    fn bulk(&self) -> Option<Arc<dyn Bulk>> {
        None
    }

    /// Keeps names that stand for indexes.
    fn alias(&self) -> Option<Arc<dyn Alias>> {
        None
    }

    /// [`Target::write`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_write(&self) -> Result<Arc<dyn Write>> {
        need(self.write(), "take records")
    }

    /// [`Target::admin`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_admin(&self) -> Result<Arc<dyn Admin>> {
        need(self.admin(), "be made")
    }

    /// [`Target::thaw`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_thaw(&self) -> Result<Arc<dyn Thaw>> {
        need(self.thaw(), "be made from a collection")
    }

    /// [`Target::bulk`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_bulk(&self) -> Result<Arc<dyn Bulk>> {
        need(self.bulk(), "import files")
    }

    /// [`Target::alias`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_alias(&self) -> Result<Arc<dyn Alias>> {
        need(self.alias(), "be given another name")
    }
}

/// An index with every part of it. A run gives it to its guard alone.
pub trait Store: Target {
    /// Takes away what cannot be brought back.
    fn remove(&self) -> Option<Arc<dyn Remove>> {
        None
    }

    /// Ends what it made along the way.
    fn discard(&self) -> Option<Arc<dyn Discard>> {
        None
    }

    /// [`Store::remove`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_remove(&self) -> Result<Arc<dyn Remove>> {
        need(self.remove(), "be deleted from")
    }

    /// [`Store::discard`] for a caller that cannot do without it; the error is `Unsupported`.
    fn must_discard(&self) -> Result<Arc<dyn Discard>> {
        need(self.discard(), "end a collection or an import")
    }
}

/// A system's index, opened: what it is asked through is given with each use.
pub trait Opened: Send + Sync {
    /// The store, each of whose requests goes through `calls`.
    fn through(&self, calls: calls::Calls) -> Arc<dyn Store>;
}

fn need<P>(part: Option<P>, what: &str) -> Result<P> {
    part.ok_or_else(|| Error::unsupported(format!("this index cannot {what}")))
}
