//! Tables without borders, as every command prints them.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::text::{named_in, wrap};

/// Room between two columns, and before a table that is set in.
const GAP: u16 = 2;

/// The most characters of a cell: more than anybody reads there, and few enough to be laid out at once.
const CELL: usize = 1_000;

/// The longest word that is not broken: an id of a run, and most names.
const WORD: usize = 30;

/// A table without borders. Cells are broken where the columns do not fit, and where nothing of that could be read, each row is
/// a block of lines.
pub struct Columns {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    width: u16,
    indent: u16,
    numbers: Vec<usize>,
    mark: Option<usize>,
}

impl Columns {
    /// Begins a table of at most `width` columns of a terminal. A column whose header is empty goes on with the one before.
    pub fn new<const N: usize>(width: u16, header: [&str; N]) -> Self {
        Self {
            header: header.map(str::to_owned).into(),
            rows: Vec::new(),
            width,
            indent: 0,
            numbers: Vec::new(),
            mark: None,
        }
    }

    /// Sets the table in from the left.
    pub fn indented(self) -> Self {
        Self { indent: GAP, ..self }
    }

    /// Puts the cells of these columns to the right.
    pub fn with_numbers<const N: usize>(self, columns: [usize; N]) -> Self {
        Self { numbers: columns.into(), ..self }
    }

    /// Puts a column, of one mark each, close to the next one.
    pub fn with_mark(self, column: usize) -> Self {
        Self { mark: Some(column), ..self }
    }

    /// Adds a row. Whatever its cells are, they are shown: none is longer than anybody reads, begins a line or moves a cursor.
    pub fn add<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.iter().map(|cell| named_in(cell, CELL).into_owned()).collect());
    }

    /// Renders the table, without spaces at the ends of lines.
    pub fn text(&self) -> String {
        let least: Vec<u16> = (0..self.header.len()).map(|at| self.least(at)).collect();
        match least.iter().sum::<u16>() <= self.width {
            true => self.side_by_side(&least),
            false => self.rows.iter().map(|row| self.block(row)).collect::<Vec<_>>().join("\n\n"),
        }
    }

    /// Returns the width of a column that breaks no word, with its padding.
    fn least(&self, column: usize) -> u16 {
        let all = self.rows.iter().chain([&self.header]);
        let words = all.flat_map(|row| row[column].split_whitespace());
        let longest = words.map(|word| word.chars().count()).max().unwrap_or(0).min(WORD);
        let (left, right) = self.padding(column);
        u16::try_from(longest).unwrap_or(u16::MAX) + left + right
    }

    fn padding(&self, column: usize) -> (u16, u16) {
        (if column == 0 { self.indent } else { 0 }, self.gap(column))
    }

    /// Returns the room behind a column.
    fn gap(&self, column: usize) -> u16 {
        match column {
            last if last + 1 == self.header.len() => 0,
            mark if self.mark == Some(mark) => 1,
            _ => GAP,
        }
    }

    fn side_by_side(&self, least: &[u16]) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width)
            .set_header(&self.header)
            .add_rows(&self.rows);
        for column in table.column_iter_mut() {
            column.set_padding(self.padding(column.index));
            let least = Width::Fixed(least[column.index]);
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
            if self.numbers.contains(&column.index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.trim_fmt()
    }

    fn block(&self, row: &[String]) -> String {
        let mut lines: Vec<String> = Vec::new();
        for (at, (name, cell)) in self.header.iter().zip(row).enumerate() {
            match lines.last_mut() {
                Some(last) if name.is_empty() => last.push_str(&format!(" {cell}")),
                _ if at == 0 => lines.push(cell.clone()),
                _ => lines.push(format!("  {name}: {cell}")),
            }
        }
        let indent = " ".repeat(self.indent.into());
        let line = |line: &String| {
            let line = format!("{indent}{}", line.trim_end());
            wrap(&line, self.width, &format!("{indent}    "))
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(width: u16) -> Columns {
        let mut table = Columns::new(width, ["plan", "state", "", "waits for"]).with_mark(2);
        let waits = "approval of canary step 2, which shifts a quarter of the traffic";
        table.add(["twins", "waiting", "%", waits].map(str::to_owned));
        table.add(["small", "done", "=", "-"].map(str::to_owned));
        table
    }

    #[test]
    fn a_table_is_as_wide_as_it_may_be_and_has_no_spaces_at_the_ends() {
        let wide = "plan   state      waits for\n\
                    twins  waiting  % approval of canary step 2, which shifts a quarter of the traffic\n\
                    small  done     = -";
        assert_eq!(plans(200).text(), wide);
        for width in [40, 80] {
            let text = plans(width).text();
            assert!(text.lines().all(|line| line.chars().count() <= width.into()), "{text}");
            assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        }
        assert!(plans(40).text().starts_with("plan   state      waits for\n"));
    }

    #[test]
    fn where_no_column_could_be_read_each_row_is_a_block() {
        let block = "twins\n  state: waiting %\n  waits for: approval of\n    canary step 2, which\n    shifts a quarter of\n    \
                     the traffic\n\nsmall\n  state: done =\n  waits for: -";
        assert_eq!(plans(24).text(), block);
    }

    #[test]
    fn no_word_is_broken_that_could_be_copied() {
        let run = "01m8gvk8s43hrq3q5zn3e9yr3r";
        let mut table = Columns::new(60, ["plan", "run", "what was last seen of it"]);
        table.add(["twins", run, "an approval that somebody has to give"].map(str::to_owned));
        assert!(table.text().contains(run), "{}", table.text());
        assert!(table.text().starts_with("plan   run  "), "{}", table.text());
    }

    #[test]
    fn whatever_a_cell_holds_is_shown_in_its_place_and_soon() {
        let mut table = Columns::new(80, ["plan", "held by"]).indented();
        table.add(["a\nb\u{1b}[2J".to_owned(), "x".repeat(100_000)]);
        let text = table.text();
        assert!(text.contains("a\\nb\\u{1b}[2J"), "{text}");
        assert!(
            text.chars().count() < 2_000 && text.lines().all(|line| line.starts_with("  ")),
            "{text}"
        );
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Columns::new(80, ["namespace", "records"]).with_numbers([1]).indented();
        table.add(["a".to_owned(), "1,204".to_owned()]);
        table.add(["b".to_owned(), "7".to_owned()]);
        assert_eq!(
            table.text(),
            "  namespace  records\n  a            1,204\n  b                7"
        );
    }
}
