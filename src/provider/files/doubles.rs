//! Whether an id comes twice: fingerprints of all ids, so many at a time.
//!
//! Files keep nobody from writing an id twice, and one record would hide the other in the target. So the ids of all files are
//! read, in as many passes as their fingerprints take of a bounded memory: each pass keeps those of its part, sorts them and
//! looks for neighbours that are equal. Equal fingerprints are few, and a last pass over the ids says whether these are equal,
//! too. Row groups whose ids are apart by the footers are never compared, so that files in the order of their ids take one
//! pass, whatever their number.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::census::AT_ONCE;
use super::one_file::OneFile;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Namespace;
use crate::provider::parquet::RowReader;
use crate::text::named;

/// Fingerprints that a pass keeps, 8 bytes each.
const KEPT: u64 = 4_000_000;

/// Fingerprints that are there twice whose ids are compared at once.
const SUSPECTS: usize = 10_000;

/// A fingerprint of a namespace and an id.
pub(super) fn fingerprint(namespace: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(namespace.as_bytes());
    hasher.write_u8(0xff);
    hasher.write(id.as_bytes());
    hasher.finish()
}

/// A row group: number of its file, and its own.
type At = (usize, usize);

/// Refuses an id that is twice in a namespace.
///
/// # Errors
/// `Conflict` with the first two places of the first such id; `Invalid` for a row without an id; those of reading.
pub(super) async fn refuse_doubles(files: &[OneFile]) -> Result<()> {
    refuse_doubles_of(files, KEPT).await
}

async fn refuse_doubles_of(files: &[OneFile], kept: u64) -> Result<()> {
    for together in overlapping(files) {
        let rows: u64 = together.iter().map(|at| rows_of(files, *at)).sum();
        let parts = rows.div_ceil(kept.max(1)).max(1);
        for part in 0..parts {
            let is_of_part = move |print: u64| part_of(print, parts) == part;
            let each = usize::try_from(rows / parts).unwrap_or_default();
            let mut prints = Vec::with_capacity(each + each / 16);
            let most = usize::try_from(kept).unwrap_or(usize::MAX).saturating_mul(2);
            let mut found = prints_of(files, &together, (is_of_part, most));
            while let Some(of_group) = found.try_next().await? {
                prints.extend(of_group);
                // Far more than a part is of distinct ids: there are doubles, and they need not all be held.
                if prints.len() > most {
                    prints = settle(files, &together, prints).await?;
                }
            }
            settle(files, &together, prints).await?;
        }
    }
    Ok(())
}

/// Compares the ids of fingerprints that are there more than once, and returns each fingerprint once.
async fn settle(files: &[OneFile], together: &[At], prints: Vec<u64>) -> Result<Vec<u64>> {
    let (once, twice) = blocking(move || Ok(twice_of(prints))).await?;
    for suspects in twice.chunks(SUSPECTS) {
        compare(files, together, suspects.iter().copied().collect()).await?;
    }
    Ok(once)
}

/// Returns the part of a fingerprint, from its upper bits.
fn part_of(print: u64, parts: u64) -> u64 {
    ((u128::from(print) * u128::from(parts)) >> 64) as u64
}

/// Returns each fingerprint once, and those that are there more than once.
fn twice_of(mut prints: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
    prints.sort_unstable();
    let mut twice: Vec<u64> =
        prints.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect();
    twice.dedup();
    prints.dedup();
    (prints, twice)
}

/// Leaves two of each fingerprint at most: more say nothing more.
fn thin(prints: &mut Vec<u64>) {
    prints.sort_unstable();
    let mut last = [None; 2];
    prints.retain(|print| {
        let is_third = last == [Some(*print); 2];
        last = [last[1], Some(*print)];
        !is_third
    });
}

fn rows_of(files: &[OneFile], (file, group): At) -> u64 {
    let rows = files[file].rows.group(group);
    rows.end - rows.start
}

/// Shares out the row groups so that an id can be twice only within a share.
fn overlapping(files: &[OneFile]) -> Vec<Vec<At>> {
    // Files of one namespace hold nothing of another; where rows say it, anything may be anywhere.
    let is_by_rows = files.iter().any(|file| file.rows.namespace().is_none());
    let mut apart: BTreeMap<Option<&Namespace>, Vec<At>> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        let namespace = if is_by_rows { None } else { file.rows.namespace() };
        let groups = (0..file.rows.groups().len()).map(|group| (number, group));
        apart.entry(namespace).or_default().extend(groups);
    }
    let mut shares = Vec::new();
    for groups in apart.into_values() {
        shares.extend(by_bounds(files, groups));
    }
    shares
}

/// Shares out row groups by the bounds of their ids; those without any overlap with all.
fn by_bounds(files: &[OneFile], groups: Vec<At>) -> Vec<Vec<At>> {
    let bounds = |at: &At| files[at.0].rows.bounds(at.1);
    let Some(mut bounded) = groups
        .iter()
        .map(|at| bounds(at).map(|(least, greatest)| (least, greatest, *at)))
        .collect::<Option<Vec<_>>>()
    else {
        return vec![groups];
    };
    bounded.sort_unstable();
    let mut shares: Vec<(&[u8], Vec<At>)> = Vec::new();
    for (least, greatest, at) in bounded {
        match shares.last_mut().filter(|(until, _)| least <= *until) {
            Some((until, share)) => {
                *until = greatest.max(*until);
                share.push(at);
            }
            None => shares.push((greatest, vec![at])),
        }
    }
    // The places of a double are named in the order of the files.
    for (_, share) in &mut shares {
        share.sort_unstable();
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

fn prints_of(
    files: &[OneFile],
    groups: &[At],
    (is_wanted, most): (impl Fn(u64) -> bool + Copy + Send + 'static, usize),
) -> BoxStream<'static, Result<Vec<u64>>> {
    let read = |&(file, group): &At| {
        let rows = files[file].rows.clone();
        blocking(move || prints_of_group(&rows, group, (is_wanted, most)))
    };
    let reads: Vec<_> = groups.iter().map(read).collect();
    stream::iter(reads).buffered(AT_ONCE).boxed()
}

fn prints_of_group(
    rows: &RowReader,
    group: usize,
    (is_wanted, most): (impl Fn(u64) -> bool, usize),
) -> Result<Vec<u64>> {
    let (mut prints, mut bound) = (Vec::new(), most);
    for names in rows.names(group)? {
        for row in names?.rows() {
            let (_, namespace, id) = row?;
            let print = fingerprint(Namespace::canonical(namespace), id);
            if is_wanted(print) {
                prints.push(print);
            }
        }
        if prints.len() > bound {
            thin(&mut prints);
            bound = most + prints.len();
        }
    }
    Ok(prints)
}

/// Compares the ids themselves whose fingerprints are suspect.
async fn compare(files: &[OneFile], groups: &[At], suspects: HashSet<u64>) -> Result<()> {
    let suspects = Arc::new(suspects);
    let mut first: HashMap<Name, (usize, u64)> = HashMap::new();
    for &(file, group) in groups {
        let (rows, suspects) = (files[file].rows.clone(), suspects.clone());
        let found = blocking(move || suspect_ids(&rows, group, &suspects)).await?;
        for (name, row) in found {
            if let Some((other, before)) = first.insert(name.clone(), (file, row)) {
                let places = [(&*files[other].path, before), (&*files[file].path, row)];
                return Err(twice(&name.0, &name.1, places));
            }
        }
    }
    Ok(())
}

/// A namespace and an id.
type Name = (Namespace, String);

/// Returns the ids of a group whose fingerprints are suspect, with their rows as numbers in the file, up to the first that is
/// there again.
fn suspect_ids(
    rows: &RowReader,
    group: usize,
    suspects: &HashSet<u64>,
) -> Result<Vec<(Name, u64)>> {
    let start = rows.group(group).start;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for names in rows.names(group)? {
        for row in names?.rows() {
            let (row, namespace, id) = row?;
            if suspects.contains(&fingerprint(Namespace::canonical(namespace), id)) {
                let name = (Namespace::from(namespace), id.to_owned());
                let is_again = !seen.insert(name.clone());
                found.push((name, start + row));
                if is_again {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}

fn twice(namespace: &Namespace, id: &str, [first, second]: [(&str, u64); 2]) -> Error {
    let place = |(path, row): (&str, u64)| format!("{path}, row {}", row + 1);
    let (first, second) = (place(first), place(second));
    let id = named(id);
    let message = format!("`{id}` is twice in namespace `{namespace}`: {first} and {second}");
    Error::new(ErrorKind::Conflict, message)
        .with_hint("leave one of the two out: ids are unique in a namespace")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, RecordId, Vector, VectorField, Vectors};
    use crate::plan::file::Columns;
    use crate::provider::files::shelf::files_of;
    use crate::provider::parquet::RecordWriter;

    /// Writes a file of these ids, each with its namespace.
    fn write(path: &std::path::Path, ids: &[(&str, String)]) {
        let mut writer = RecordWriter::create(path, &VectorField::plain()).unwrap();
        for (namespace, id) in ids {
            let record = Record {
                id: RecordId::new(id),
                vectors: Vectors::plain(Vector::from_values([1.0]), None),
                metadata: Metadata::default(),
            };
            writer.append(&Namespace::new(namespace), &[record]).unwrap();
        }
        writer.finish().unwrap();
    }

    async fn refused(files: &[(&str, Vec<(&str, String)>)], kept: u64) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, ids) in files {
            write(&folder.path().join(name), ids);
        }
        let files = files_of(folder.path(), Columns::default()).await;
        let error = refuse_doubles_of(&files, kept).await.err()?;
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        Some(error.message().to_owned())
    }

    fn ids(numbers: impl Iterator<Item = usize>) -> Vec<(&'static str, String)> {
        numbers.map(|number| ("n", format!("id {:03}", (number * 61) % 400))).collect()
    }

    #[tokio::test]
    async fn an_id_that_is_twice_is_found_in_any_number_of_passes() {
        for kept in [7, 60, 1_000] {
            let none = [("a.parquet", ids(0..200)), ("b.parquet", ids(200..400))];
            assert_eq!(refused(&none, kept).await, None, "{kept}");
            let mut again = ids(200..400);
            again[120] = ("n", "id 061".to_owned());
            let one = [("a.parquet", ids(0..200)), ("b.parquet", again)];
            let expected =
                "`id 061` is twice in namespace `n`: a.parquet, row 2 and b.parquet, row 121";
            assert_eq!(refused(&one, kept).await.as_deref(), Some(expected), "{kept}");
        }
    }

    /// A column of ids that holds the same again and again takes no more memory than one of different ids.
    #[tokio::test]
    async fn an_id_that_is_there_very_often_is_found_where_it_is_first() {
        for (distinct, again) in [(1, 2), (3, 4), (40, 41)] {
            let ids: Vec<_> = (0..400).map(|row| ("n", format!("{:03}", row % distinct))).collect();
            let said = format!(
                "`000` is twice in namespace `n`: a.parquet, row 1 and a.parquet, row {again}"
            );
            assert_eq!(refused(&[("a.parquet", ids)], 1_000).await, Some(said), "{distinct}");
        }
        let mut prints = vec![3, 1, 3, 2, 3, 3, 1];
        thin(&mut prints);
        assert_eq!(prints, [1, 1, 2, 3, 3]);
        assert_eq!(twice_of(prints), (vec![1, 2, 3], vec![1, 3]));
    }

    #[tokio::test]
    async fn the_same_id_in_another_namespace_is_another() {
        let of = |namespace, id: &str| (namespace, id.to_owned());
        let apart = [("a.parquet", vec![of("n", "a"), of("m", "a"), of("", "a")])];
        assert_eq!(refused(&apart, 9).await, None);
        let alias = [("a.parquet", vec![of("", "a"), of("n", "b"), of("__default__", "a")])];
        let expected =
            "`a` is twice in namespace `__default__`: a.parquet, row 1 and a.parquet, row 3";
        assert_eq!(refused(&alias, 9).await.as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn row_groups_whose_ids_are_apart_are_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        for (name, numbers) in [("a", 0..50), ("b", 100..150), ("c", 40..60), ("d", 150..160)] {
            let ids: Vec<_> = numbers.map(|number| ("n", format!("{number:03}"))).collect();
            write(&folder.path().join(format!("{name}.parquet")), &ids);
        }
        let files = files_of(folder.path(), Columns::default()).await;
        assert_eq!(overlapping(&files), [vec![(0, 0), (2, 0)], vec![(1, 0)], vec![(3, 0)]]);
    }
}
