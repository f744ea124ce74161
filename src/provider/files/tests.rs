use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use futures::stream::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::json;

use super::*;
use crate::store::read::{Given, PageSize, Picks, Room, pages_by_id};

/// Rows of each file: in no order, most of them of `one`, every 20th of `few`, some of no namespace.
const ROWS: usize = 300;

fn row(file: usize, at: usize) -> (Option<&'static str>, String, f32) {
    let number = file * ROWS + (at * 113) % ROWS;
    let namespace = match at {
        _ if at % 20 == 3 => Some("few"),
        _ if at % 7 == 5 => None,
        _ => Some("one"),
    };
    (namespace, format!("id {number:04}"), number as f32)
}

/// Writes rows in row groups of 40.
fn write(path: &Path, rows: &[(Option<&str>, String, f32)], properties: WriterProperties) {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    for (.., value) in rows {
        vectors.append_value([Some(*value), Some(0.5)]);
    }
    let namespaces: StringArray = rows.iter().map(|(namespace, ..)| *namespace).collect();
    let ids: StringArray = rows.iter().map(|(_, id, _)| Some(id.as_str())).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("namespace", Arc::new(namespaces)),
        ("id", Arc::new(ids)),
        ("values", Arc::new(vectors.finish())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn properties() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder().set_max_row_group_row_count(Some(40))
}

/// A folder of three such files: with bounds of the ids (and a filter, which is not asked), without, and as most writers
/// write.
struct Scene {
    folder: tempfile::TempDir,
    files: Files,
}

fn opened(folder: &Path) -> Files {
    let name = folder.to_str().unwrap();
    Files::new(name, folder, S3Options::default(), Columns::default())
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        properties().set_bloom_filter_enabled(true).build(),
        properties().set_statistics_enabled(EnabledStatistics::None).build(),
        properties().set_data_page_row_count_limit(10).set_write_batch_size(5).build(),
    ];
    for (file, properties) in all.into_iter().enumerate() {
        let rows: Vec<_> = (0..ROWS).map(|at| row(file, at)).collect();
        write(&path(folder.path(), file), &rows, properties);
    }
    let files = opened(folder.path());
    Scene { folder, files }
}

fn path(folder: &Path, file: usize) -> PathBuf {
    folder.join(format!("{file}.parquet"))
}

/// Returns what is in a namespace by id.
fn expected(namespace: &str) -> BTreeMap<String, f32> {
    let rows = (0..3).flat_map(|file| (0..ROWS).map(move |at| row(file, at)));
    let own = rows.filter(|(of, ..)| of.unwrap_or_default() == namespace);
    own.map(|(_, id, value)| (id, value)).collect()
}

async fn pages(
    files: &Files,
    (namespace, range, after): (&Namespace, &Range, &Cursor),
    most: usize,
    picks: Option<Picks>,
) -> Result<Vec<(Vec<Record>, u64, Cursor)>> {
    let mut reading = Reading::new(Room::default(), PageSize::new(most, 1_000_000, 2));
    reading.picks = picks;
    let scope = Scope { namespace, records: 0 };
    let pages = files.read(scope, range, after, &reading).await?;
    pages.map_ok(|page| (page.records, page.found, page.after)).try_collect().await
}

fn by_id(records: &[Record]) -> BTreeMap<String, f32> {
    let value = |record: &Record| record.dense().values().next().unwrap();
    records.iter().map(|record| (record.id.to_string(), value(record))).collect()
}

async fn ranges(files: &Files, namespace: &Namespace, most: u64) -> Vec<Splitting> {
    let (opened, census) =
        (files.shelf.files().await.unwrap(), files.shelf.census().await.unwrap());
    cut(census, opened, namespace, most)
}

#[tokio::test]
async fn every_row_of_a_namespace_comes_once_from_every_place_on() {
    let Scene { folder: _folder, files } = scene();
    for name in ["one", "few", ""] {
        let (namespace, expected) = (Namespace::new(name), expected(name));
        for (most, parts) in [(1_000, 1), (33, 1), (7, 4), (40, 100)] {
            let mut all = Vec::new();
            for part in ranges(&files, &namespace, parts).await {
                let from = |after| (&namespace, &part.range, after);
                let read = pages(&files, from(&Cursor::Start), most, None).await.unwrap();
                assert_eq!(read.last().unwrap().2, Cursor::End);
                assert_eq!(read.iter().map(|(_, found, _)| found).sum::<u64>(), part.records);
                for (at, (records, _, after)) in read.iter().enumerate() {
                    assert!(records.len() <= most);
                    let rest = pages(&files, from(after), most, None).await.unwrap();
                    let flat = |pages: &[(Vec<Record>, u64, Cursor)]| {
                        pages.iter().flat_map(|(records, ..)| records.clone()).collect::<Vec<_>>()
                    };
                    assert_eq!(flat(&rest), flat(&read[at + 1..]), "{name} by {most}, page {at}");
                }
                all.extend(read.into_iter().flat_map(|(records, ..)| records));
            }
            assert_eq!(all.len(), expected.len(), "{name} by {most} in {parts}");
            assert_eq!(by_id(&all), expected, "{name} by {most} in {parts}");
        }
    }
}

#[tokio::test]
async fn only_what_is_picked_is_given_and_all_is_counted() {
    let Scene { folder: _folder, files } = scene();
    let (namespace, all) = (Namespace::new("one"), expected("one"));
    let range = Scan::whole(&files).unwrap();
    for share in [2, 50, 10_000] {
        let is_picked = move |value: f32| (value as usize).is_multiple_of(share);
        let picks: Picks =
            Arc::new(move |id: &RecordId| is_picked(id.text()[3..].parse().unwrap()));
        let of = (&namespace, &range, &Cursor::Start);
        let read = pages(&files, of, 25, Some(picks.clone())).await.unwrap();
        assert_eq!(read.iter().map(|(_, found, _)| found).sum::<u64>(), all.len() as u64);
        assert_eq!(read.last().unwrap().2, Cursor::End, "one in {share}");
        let records: Vec<Record> = read.into_iter().flat_map(|(records, ..)| records).collect();
        let mut expected = all.clone();
        expected.retain(|_, value| is_picked(*value));
        assert_eq!(by_id(&records), expected, "one in {share}");
    }
}

#[tokio::test]
async fn rows_are_counted_by_namespace_and_ranges_share_them_out() {
    let Scene { folder: _folder, files } = scene();
    let stats = files.stats().await.unwrap();
    assert_eq!(stats.total, 900);
    for name in ["one", "few", ""] {
        let (namespace, count) = (Namespace::new(name), expected(name).len() as u64);
        assert_eq!(stats.count(&namespace), count, "{name}");
        for most in [1, 3, 24, 1_000] {
            let ranges = ranges(&files, &namespace, most).await;
            assert_eq!(ranges.iter().map(|part| part.records).sum::<u64>(), count);
            assert!(ranges.len() as u64 <= most && !ranges.is_empty());
            for part in &ranges {
                let again = files.recount(&namespace, &part.range).await.unwrap();
                assert_eq!(again.unwrap_or(count), part.records);
                assert_eq!(files.is_bound(&part.range), ranges.len() > 1);
            }
        }
    }
    let nobody = Namespace::new("nobody");
    let part = ranges(&files, &nobody, 9).await.remove(0);
    let read = pages(&files, (&nobody, &part.range, &Cursor::Start), 9, None).await.unwrap();
    assert_eq!(read, [(Vec::new(), 0, Cursor::End)]);
}

#[tokio::test]
async fn records_are_found_by_id_whether_or_not_their_ids_were_listed() {
    let Scene { folder: _folder, files } = scene();
    let namespace = Namespace::new("one");
    let all = expected("one");
    let ids: Vec<RecordId> = all.keys().map(RecordId::new).collect();
    let others = ["id 9999", "", "x"].map(RecordId::from);
    let asked: Vec<RecordId> = ids.iter().take(200).chain(&others).cloned().collect();
    let found = Fetch::fetch(&files, &namespace, &asked).await.unwrap();
    let first: BTreeMap<_, _> =
        all.iter().take(200).map(|(id, value)| (id.clone(), *value)).collect();
    assert_eq!(by_id(&found), first);

    let scope = Scope { namespace: &namespace, records: 0 };
    let mut listed = files.ids(scope, &Scan::whole(&files).unwrap(), &Cursor::Start).await.unwrap();
    let seen = listed.next(150).await.unwrap().unwrap().ids;
    let asked: Vec<RecordId> =
        seen.iter().chain(&ids).cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let found = Fetch::fetch(&files, &namespace, &asked).await.unwrap();
    assert_eq!((found.len(), by_id(&found)), (all.len(), all));
    let elsewhere = Fetch::fetch(&files, &Namespace::new("few"), &seen).await.unwrap();
    assert!(elsewhere.is_empty(), "an id is of its namespace");
}

#[tokio::test]
async fn many_ids_are_found_in_one_pass_and_their_records_without_another() {
    let Scene { folder: _folder, files } = scene();
    let namespace = Namespace::new("one");
    let all = expected("one");
    let ids: Vec<RecordId> = all.keys().map(RecordId::new).collect();
    let others = ["id 9999", "", "x"].map(RecordId::from);
    let asked: Vec<RecordId> = others.iter().chain(&ids).cloned().collect();
    let there = files.passes().unwrap().present(&namespace, &asked).await.unwrap();
    assert_eq!(there, ids.iter().cloned().collect());
    let found = Fetch::fetch(&files, &namespace, &ids).await.unwrap();
    assert_eq!(by_id(&found), all);
    let elsewhere = files.passes().unwrap().present(&Namespace::new("few"), &ids).await.unwrap();
    assert!(elsewhere.is_empty(), "an id is of its namespace");

    let given = Given::behind(Box::new(asked.clone().into_iter().map(Ok)), &Cursor::Start).unwrap();
    let reading = Reading::new(Room::default(), PageSize::new(90, 1_000_000, 2));
    let fetch: Arc<dyn Fetch> = Arc::new(files.clone());
    let read: Vec<_> =
        pages_by_id(fetch, &namespace, Box::new(given), &reading).try_collect().await.unwrap();
    let counted: u64 = read.iter().map(|page| page.asked).sum();
    let missing: u64 = read.iter().map(|page| page.missing()).sum();
    assert_eq!((counted, missing), (asked.len() as u64, 3));
    assert!(read.len() > 1 && read.last().unwrap().after == Cursor::End);
    let records: Vec<Record> = read.into_iter().flat_map(|page| page.records).collect();
    assert_eq!((records.len(), by_id(&records)), (all.len(), all));
}

#[tokio::test]
async fn an_id_that_is_there_twice_is_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![row(0, 17), row(0, 18), row(0, 17)];
    write(&path(folder.path(), 0), &rows, properties().build());
    let (files, id) = (opened(folder.path()), RecordId::from(row(0, 17).1));
    let namespace = Namespace::new("one");
    let ids = std::slice::from_ref(&id);
    let refused = [
        Fetch::fetch(&files, &namespace, ids).await.unwrap_err(),
        files.passes().unwrap().present(&namespace, ids).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains("is twice in namespace `one`"), "{error}");
    }
}

/// Row groups are passed over by the bounds of their ids, so wrong ones would hide what is there.
#[tokio::test]
async fn bounds_that_are_wrong_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=30).map(|at| (Some("one"), format!("id {at:04}"), 0.5)).collect();
    let file = path(folder.path(), 0);
    write(&file, &rows, properties().build());
    let mut bytes = std::fs::read(&file).unwrap();
    let end = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
    let greatest = b"id 0030";
    for at in end - length..end - greatest.len() {
        if bytes[at..].starts_with(greatest) {
            bytes[at..at + greatest.len()].copy_from_slice(b"id 0020");
        }
    }
    std::fs::write(&file, bytes).unwrap();
    let files = opened(folder.path());
    let error = files.see_distinct(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("`id 0021` is not within the bounds"), "{error}");
    let asked = [RecordId::from("id 0007")];
    let error = Fetch::fetch(&files, &Namespace::new("one"), &asked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_place_is_lost_with_the_files_in_which_it_was() {
    let Scene { folder, files } = scene();
    let namespace = Namespace::new("few");
    let part = ranges(&files, &namespace, 2).await.remove(0);
    let read = pages(&files, (&namespace, &part.range, &Cursor::Start), 5, None).await.unwrap();
    let place = &read[1].2;
    assert!(matches!(place, Cursor::At(_)));
    let lost = async |files: &Files, after: &Cursor| {
        files.is_lost(&namespace, &part.range, after).await.unwrap()
    };
    assert!(!lost(&files, place).await && !lost(&files, &Cursor::Start).await);
    let again = opened(folder.path());
    assert!(!lost(&again, place).await, "another process finds the same files");

    let rows: Vec<_> = (0..ROWS).rev().map(|at| row(1, at)).collect();
    write(&path(folder.path(), 1), &rows, properties().build());
    let changed = opened(folder.path());
    assert!(lost(&changed, place).await && lost(&changed, &Cursor::Start).await);
    assert!(!lost(&changed, &Cursor::End).await, "what is done is proven otherwise");

    let old = Cursor::At(json!({ "after": "id 0007" }));
    let list = Range::new(&"list");
    assert!(files.is_lost(&namespace, &list, &old).await.unwrap());
    assert!(!files.is_lost(&namespace, &list, &Cursor::Start).await.unwrap());
    let refused = pages(&files, (&namespace, &list, &old), 5, None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    let gone = Cursor::At(json!({ "row": { "file": "9.parquet", "group": 0, "rows": 1 } }));
    let refused = pages(&files, (&namespace, &part.range, &gone), 5, None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert!(refused.to_string().contains("not those that were read"), "{refused}");
}

#[tokio::test]
async fn ids_may_come_twice_until_it_was_seen_that_they_do_not() {
    let Scene { folder, files } = scene();
    assert_eq!(files.promise().refuse_uncounted().unwrap_err().kind(), ErrorKind::Refused);
    files.see_distinct(false).await.unwrap();
    files.promise().refuse_uncounted().unwrap();

    write(&path(folder.path(), 3), &[row(0, 17)], properties().build());
    let twice = opened(folder.path());
    let error = twice.see_distinct(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let (namespace, id, _) = row(0, 17);
    let said = format!(
        "`{id}` is twice in namespace `{}`: 0.parquet, row 18 and 3.parquet, row 1",
        namespace.unwrap()
    );
    assert_eq!(error.message(), said);
    assert!(twice.promise().repeats);

    let nameless = [(Some("one"), String::new(), 1.0)];
    write(&path(folder.path(), 3), &nameless, properties().build());
    let error = opened(folder.path()).see_distinct(false).await.unwrap_err().to_string();
    assert!(error.contains("the id is empty") && error.contains("row: 1"), "{error}");
}
