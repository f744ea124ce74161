//! What the template draws.

use serde::Serialize;

/// Rows of a table that a page shows at most.
pub const MOST_ROWS: usize = 1_000;

#[derive(Debug, Serialize)]
pub struct Page {
    /// The title of the window.
    pub title: String,
    /// What kind of page this is, above its name.
    pub kind: &'static str,
    pub name: String,
    pub route: Option<Route>,
    pub mood: Mood,
    pub symbol: &'static str,
    /// The verdict in a word or two.
    pub verdict: String,
    pub reason: Option<String>,
    /// What has to be known before anything else is believed.
    pub note: Option<String>,
    pub next: Option<Advice>,
    pub tiles: Vec<Tile>,
    pub facts: Vec<Fact>,
    pub sections: Vec<Section>,
    pub program: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Route {
    pub from: String,
    pub to: String,
}

/// What to type, and why.
#[derive(Debug, Serialize)]
pub struct Advice {
    pub why: String,
    pub command: String,
}

/// A number that everybody looks for.
#[derive(Debug, Serialize)]
pub struct Tile {
    pub name: &'static str,
    pub value: String,
    pub detail: String,
}

/// How something went: its colour, which always comes with a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    Good,
    Bad,
    Warn,
    Wait,
    #[default]
    Plain,
}

#[derive(Debug, Serialize)]
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    Text { text: String },
    Cards { cards: Vec<Card> },
    Facts { facts: Vec<Fact> },
    List { title: String, items: Vec<String> },
    Table { table: Table },
    Figure { chart: Box<Chart>, table: Table },
}

impl Block {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

#[derive(Debug, Serialize)]
pub struct Card {
    pub mood: Mood,
    pub label: String,
    pub title: String,
    pub facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
pub struct Fact {
    pub name: &'static str,
    pub text: String,
    /// True for what a machine says or is told.
    pub is_code: bool,
}

impl Fact {
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into(), is_code: false }
    }

    pub fn code(name: &'static str, text: impl Into<String>) -> Self {
        Self { is_code: true, ..Self::new(name, text) }
    }
}

#[derive(Debug, Serialize)]
pub struct Table {
    /// Unique within the page.
    pub id: String,
    pub caption: String,
    /// Words of the line that opens it; `None` if it is open.
    pub fold: Option<&'static str>,
    /// What was left out.
    pub cut: Option<String>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Column {
    pub name: &'static str,
    /// `number`, `tight` for what is not broken into lines, or `prose`.
    pub look: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub struct Cell {
    pub text: String,
    pub mood: Mood,
    pub is_code: bool,
}

impl Cell {
    pub fn code(text: impl Into<String>) -> Self {
        Self { is_code: true, ..Self::from(text.into()) }
    }

    pub fn of(mood: Mood, text: impl Into<String>) -> Self {
        Self { mood, ..Self::from(text.into()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Table {
    /// Makes a table of the columns: those of numbers are written with a `#` before their names, those that are not broken
    /// into lines with a `=`.
    pub fn new(
        id: impl Into<String>,
        caption: impl Into<String>,
        columns: &[&'static str],
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Self {
        let column = |name: &&'static str| match (name.strip_prefix('#'), name.strip_prefix('=')) {
            (Some(name), _) => Column { name, look: "number" },
            (_, Some(name)) => Column { name, look: "tight" },
            _ => Column { name, look: "prose" },
        };
        Self {
            id: id.into(),
            caption: caption.into(),
            fold: None,
            cut: None,
            columns: columns.iter().map(column).collect(),
            rows: rows.into_iter().collect(),
        }
    }

    /// Folds the table, to be opened by a line with these words.
    pub fn folded(self, fold: &'static str) -> Self {
        Self { fold: Some(fold), ..self }
    }

    /// Leaves out what is too long for a page, and says so; `elsewhere` is where all of it is.
    pub fn cut(mut self, elsewhere: &str) -> Self {
        let all = self.rows.len();
        if all > MOST_ROWS {
            self.rows.truncate(MOST_ROWS);
            let count = |number: usize| crate::report::count(number as u64);
            self.cut =
                Some(format!("The first {} of {} rows. {elsewhere}", count(MOST_ROWS), count(all)));
        }
        self
    }
}

#[derive(Debug, Serialize)]
pub struct Chart {
    /// Unique within the page.
    pub id: &'static str,
    pub title: String,
    /// The finding in words.
    pub finding: String,
    /// In pixels; the width is that of the page.
    pub height: f64,
    pub shapes: Vec<Shape>,
    pub legend: Vec<Key>,
}

impl Chart {
    /// Puts the texts on top of everything else.
    pub fn layered(mut self) -> Self {
        self.shapes.sort_by_key(|shape| matches!(shape, Shape::Text { .. }));
        self
    }
}

/// An entry of a legend.
#[derive(Debug, Serialize)]
pub struct Key {
    /// The class of the shapes that it explains.
    pub look: &'static str,
    pub name: &'static str,
}

/// A part of a drawing. `x` and `width` are percentages of the drawing's width, everything else is pixels.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shape {
    Line {
        look: &'static str,
        x1: f64,
        y1: f64,
        x2: f64,
        y2: f64,
    },
    Bar {
        look: &'static str,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
    },
    Dot {
        look: &'static str,
        x: f64,
        y: f64,
        r: f64,
    },
    Text {
        look: &'static str,
        x: f64,
        y: f64,
        anchor: &'static str,
        text: String,
    },
    /// A path in a box of 1000 by 100 that is stretched to the drawing's width.
    Path {
        look: &'static str,
        y: f64,
        height: f64,
        d: String,
    },
}
