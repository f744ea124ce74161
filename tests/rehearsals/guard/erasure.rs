//! What belongs to somebody is erased.

use vecshift::model::Identity;
use vecshift::run::{Erasure, Holding, Wanted};

use super::*;

/// A run that has copied, and an erasure of one namespace of its target, with what it found.
async fn found() -> (Rig, Erasure, Vec<Holding>) {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    let erasure = Erasure {
        index: rig.admin(Side::Target),
        wanted: Wanted::new(vec!["ns_1".to_owned()], None).unwrap(),
        clock: rig.clock.clone(),
        cancel: CancellationToken::new(),
    };
    let found = erasure.find().await.unwrap();
    assert_eq!(found.len(), 1);
    (rig, erasure, found)
}

fn known(rig: &Rig) -> Identity {
    rig.state().identities[&Side::Target].clone()
}

async fn refused(erasure: &Erasure, name: &str, known: &Identity, shown: &[Holding]) -> String {
    let permit = erasure.permit(name, Some((Side::Target, known)), shown).await;
    let error = permit.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_was_written_since_it_was_shown_is_not_erased() {
    let (rig, erasure, found) = found().await;
    add_record(&rig, Side::Target, "ns_1", "late").await;
    let said = refused(&erasure, "new", &known(&rig), &found).await;
    assert!(said.contains("`ns_1` was shown with"), "{said}");
    let found = erasure.find().await.unwrap();
    let permit = erasure.permit("new", Some((Side::Target, &known(&rig))), &found).await.unwrap();
    erasure.erase(permit).await.unwrap();
    assert!(erasure.find().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn another_index_than_the_confirmed_one_is_not_erased_from() {
    let (rig, erasure, found) = found().await;
    let said = refused(&erasure, "old", &known(&rig), &found).await;
    assert!(said.contains("`old` was confirmed, the index is `new`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_index_that_was_made_anew_is_not_erased_from() {
    let (rig, erasure, found) = found().await;
    make_anew(&rig, Side::Target).await;
    rig.admin(Side::Target).describe().await.unwrap();
    for record in 0..found[0].records {
        add_record(&rig, Side::Target, "ns_1", &format!("theirs-{record}")).await;
    }
    let said = refused(&erasure, "new", &known(&rig), &found).await;
    assert!(said.contains("is not the one the run began with"), "{said}");
}
