//! A whole run whose state is in a bucket, by one process.

use crate::machines::{RECORDS, RUN, Shelf, World, assert_reads_like};

/// Runs the plan by one process, and lets somebody else approve. Returns its report.
pub fn whole(shelf: Shelf) -> String {
    let world = World::new(shelf);
    let (runner, other) = (world.machine("runner"), world.machine("desk"));
    let mut run = runner.start(RUN);
    run.until("waits for");
    // Only a place that both reach has the run for the other, too.
    let approver = if world.shelf.uri.contains("://") { &other } else { &runner };
    approver.does(&["approve", "moving.yaml"]);
    let said = run.end();
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    world.assert_moved(RECORDS);
    approver.report()
}

#[test]
fn a_run_in_a_bucket_ends_and_reads_like_one_in_a_folder() {
    let folder = whole(Shelf::usual());
    assert_reads_like(&whole(Shelf::s3("whole")), &folder);
    assert_reads_like(&whole(Shelf::azure("whole")), &folder);
}
