//! The checks before each effect, as data: the guard makes them, and the manual prints them.

/// A kind of check that an effect can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// Whether the indexes are those the run began with, not others of the same name.
    Identity,
    /// Whether this run made what is to be removed.
    Ownership,
    /// The current contents of the index or resource.
    Contents,
    /// The side that answers the application's queries.
    Traffic,
    /// Whether somebody confirmed it.
    Confirmation,
}

impl Look {
    pub const ALL: [Self; 5] =
        [Self::Identity, Self::Ownership, Self::Contents, Self::Traffic, Self::Confirmation];

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Ownership => "ownership",
            Self::Contents => "contents",
            Self::Traffic => "traffic",
            Self::Confirmation => "confirmation",
        }
    }
}

/// One effect and the checks made before it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub effect: &'static str,
    /// The checks, in the order in which they are made.
    pub looks: &'static [(Look, &'static str)],
}

impl Row {
    /// Describes what `look` checks for this effect; `None` if the effect does not depend on it.
    pub fn cell(&self, look: Look) -> Option<&'static str> {
        self.looks.iter().find(|(taken, _)| *taken == look).map(|(_, text)| *text)
    }
}

/// A row for every effect.
pub const TABLE: [Row; 7] = [
    Row {
        effect: "delete the source",
        looks: &[
            (
                Look::Traffic,
                "the driver reads 100 %; where it cannot read, the confirmation says so",
            ),
            (
                Look::Confirmation,
                "`--confirm` was given to this process, for this index with these records",
            ),
            (
                Look::Contents,
                "the source holds what was copied, in every namespace and no other; the target holds it too; two \
                 answers in a row say so; where the store knows what depends on it, nothing does",
            ),
            (Look::Identity, "both indexes are there and are those of the journal"),
        ],
    },
    Row {
        effect: "delete the target",
        looks: &[
            (Look::Ownership, "the service made it for this run"),
            (Look::Traffic, "no traffic is on it"),
            (Look::Contents, "it is empty, unless `--purge`"),
            (Look::Confirmation, "`--purge` where it holds records"),
            (
                Look::Identity,
                "it is the index that this run made; with `--purge` the source is not gone",
            ),
        ],
    },
    Row {
        effect: "remove a resource",
        looks: &[
            (
                Look::Ownership,
                "its name carries this run, and so does the tag of an index; it is what was seen when it was made",
            ),
            (Look::Identity, "the source is the one of the journal: this is its project"),
        ],
    },
    Row {
        effect: "remove probe records",
        looks: &[
            (Look::Ownership, "the namespace is one for probes, and its name carries this run"),
            (Look::Identity, "the target is the one of the journal"),
        ],
    },
    Row {
        effect: "change deletion protection",
        looks: &[
            (Look::Confirmation, "the plan says so, or it is put back as it was found"),
            (Look::Identity, "it is the index of the journal"),
        ],
    },
    Row {
        effect: "set a weight",
        looks: &[
            (Look::Traffic, "above 0 %: it is what the run left, or what somebody accepted"),
            (
                Look::Identity,
                "above 0 %: the target is there and is the one of the journal; 0 %: the source is not gone",
            ),
        ],
    },
    Row {
        effect: "erase namespaces or records",
        looks: &[
            (Look::Confirmation, "the index's name was typed or given as `--confirm`"),
            (Look::Identity, "where a run is open: it is the index of its journal"),
            (Look::Contents, "what was shown is what is there"),
        ],
    },
];

const IDENTITY: &str = "
## What tells an index from another of its name

Few services give an id of an index or the time of its creation. What they give is kept in the journal when the run begins and
compared at every look: the host, which carries the name and the project; dimension, metric, kind and place; whether its vectors are
dense or sparse; the fields that alone can be filtered by, where there are such; the collection that it was made from; and of an index that the run made the tag
`vecshift-run` with the name of the run.

**A source that was deleted and made anew under its name, just as it was, can show all of this again.** Then its contents alone say
that it is another: before the deletion every record of the source is read and compared with what was copied. A target, a staging index
and a folder carry the name of their run, which no other has; a collection also has as many records as when it was made.
";

/// Renders the table for the manual.
pub fn markdown() -> String {
    let mut page = String::from(
        "# What is looked at before something that cannot be taken back\n\n\
         The journal says what was intended; only the world says what is. Before each effect below, everything in its row is looked at, in\n\
         the order given by the numbers. What does not hold refuses the effect, is named, and leaves the world as it is. Between the last\n\
         look and the call nothing waits: a call that fails in a way that may pass is made again only after all looks were taken again.\n\n\
         This page is generated from the table that the program itself goes by.\n\n",
    );
    let heads: Vec<&str> = Look::ALL.iter().map(|look| look.name()).collect();
    page.push_str(&format!("| effect | {} |\n", heads.join(" | ")));
    page.push_str(&format!("|---|{}\n", "---|".repeat(heads.len())));
    for row in TABLE {
        let cell = |look: &Look| {
            let at = row.looks.iter().position(|(taken, _)| taken == look);
            match at {
                Some(at) => format!("{}. {}", at + 1, row.looks[at].1),
                None => "-".to_owned(),
            }
        };
        let cells: Vec<String> = Look::ALL.iter().map(cell).collect();
        page.push_str(&format!("| {} | {} |\n", row.effect, cells.join(" | ")));
    }
    page.push_str(IDENTITY);
    page
}
