//! Two columns of text of a file, for lists of ids.

use std::path::Path;

use super::columns::Texts;
use super::file::{OpenFile, batches, damaged};
use crate::error::{Error, Result};

/// Texts of two columns of a file, row by row, without reading the others; `None` for a column that does not exist.
pub(crate) type Pairs = Box<dyn Iterator<Item = Result<(Option<String>, Option<String>)>> + Send>;

/// A file of which only two columns of text are read.
pub(crate) struct PairReader(OpenFile);

impl PairReader {
    /// Reads the footer.
    ///
    /// # Errors
    /// `NotFound` if there is no file, `Io` if it is no Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        OpenFile::open(path, &path.display().to_string()).map(Self)
    }

    pub fn columns(&self) -> Vec<&str> {
        self.0.columns().iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the rows.
    ///
    /// # Errors
    /// `Invalid` if one of the columns is no text.
    pub fn rows(self, names: [&str; 2]) -> Result<Pairs> {
        let columns = self.0.columns();
        let places = names.map(|name| columns.iter().position(|(column, _)| column == name));
        for (name, kind) in places.iter().flatten().filter_map(|at| columns.get(*at)) {
            if !kind.is_text() {
                let message = format!("column `{name}` is {}; it must be text", kind.words());
                return Err(Error::invalid(message));
            }
        }
        let mut read: Vec<usize> = places.iter().flatten().copied().collect();
        read.sort_unstable();
        read.dedup();
        let batches = batches(self.0.reader()?, &self.0, &read)?;
        Ok(Box::new(batches.flat_map(move |batch| {
            let batch = batch.map_err(|error| damaged(&self.0, &read, error));
            match batch.and_then(|batch| pairs_of(&batch, &read, places)) {
                Ok(pairs) => pairs.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })))
    }
}

fn pairs_of(
    batch: &arrow_array::RecordBatch,
    read: &[usize],
    places: [Option<usize>; 2],
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let texts = |at: Option<usize>| {
        let place = at.and_then(|at| read.binary_search(&at).ok());
        let field = |place: usize| batch.schema_ref().field(place).name().clone();
        place.map(|place| Texts::read(batch.column(place), &field(place))).transpose()
    };
    let (first, second) = (texts(places[0])?, texts(places[1])?);
    let text = |texts: &Option<Texts>, row| {
        texts.as_ref().and_then(|texts| texts.get(row)).map(str::to_owned)
    };
    Ok((0..batch.num_rows()).map(|row| (text(&first, row), text(&second, row))).collect())
}
