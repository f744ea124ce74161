//! What every reader of a store shares: how many bytes may be held, how large a page is, and reading by ids.

mod by_id;
mod ids;
mod page;
mod page_size;
mod room;
mod task;

pub use by_id::pages_by_id;
pub use ids::{Given, IdChunk, Ids, NoIds, Picks, chunks};
pub use page::{Page, Pages, Reading};
pub use page_size::{PAGE_BYTES, PageSize, record_guess};
pub use room::{Held, Room};
pub use task::{Task, begin};
