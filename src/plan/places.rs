//! Places of the parts of a plan, for messages that come later than reading.

use std::fmt;

use super::Place;
use super::node::Node;
use super::source::Sources;

pub(crate) struct Places {
    root: Node,
    sources: Sources,
}

impl Places {
    pub fn new(root: Node, sources: Sources) -> Self {
        Self { root, sources }
    }

    pub fn of(&self, pointer: &str) -> Place {
        self.sources.place(self.root.focus(pointer))
    }
}

/// Leaves out the text of the plan, which does not belong in a log line.
impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}
