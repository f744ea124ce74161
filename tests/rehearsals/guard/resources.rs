//! A resource is removed.

use vecshift::model::{Resource, ResourceKind};
use vecshift::provider::registry::open;
use vecshift::store::calls::Calls;

use super::*;

fn is_made(event: &Event, kind: ResourceKind) -> bool {
    matches!(event, Event::ResourceMade { resource, .. } if resource.kind == kind)
}

/// Killed in a copy through a staging index, at an event of a resource, which is returned.
async fn killed_at(at: fn(&Event) -> bool) -> (Rig, Resource) {
    let rig = Rig::of_text(&PLAN.replace("strategy: stream", "enumerate: staging")).await;
    rig.kill_at(rig.options(), at).await;
    let state = rig.state();
    let (_, resource) = state.resources().last().unwrap();
    let resource = resource.clone();
    (rig, resource)
}

fn notes(rig: &Rig) -> String {
    rig.state().stages.iter().flat_map(|stage| stage.notes.clone()).collect::<Vec<_>>().join("\n")
}

/// The staging index is not the run's: it is kept, by name, and all else goes.
async fn assert_staging_is_kept(rig: &Rig, name: &str, why: &str) {
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(rig.emulator.indexes().contains(&name.to_owned()));
    assert!(rig.emulator.collections().is_empty());
    assert!(notes(rig).contains(&format!("kept staging index `{name}`: ")), "{}", notes(rig));
    assert!(notes(rig).contains(why), "{}", notes(rig));
}

/// Killed before the service was asked for it; somebody else makes an index of that name.
async fn staging_of(tags: &[(&str, &str)]) -> (Rig, String) {
    let (rig, Resource { name, .. }) = killed_at(|event| {
        matches!(event, Event::ResourceIntended { resource, .. }
            if resource.kind == ResourceKind::StagingIndex)
    })
    .await;
    rig.emulator.add_index(IndexSpec { name: name.clone(), ..target_spec(tags) }).await.unwrap();
    (rig, name)
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_staging_index_of_another_run_is_kept_and_named() {
    let (rig, name) = staging_of(&[(RUN_TAG, "another")]).await;
    assert_staging_is_kept(&rig, &name, "was made by the run another").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_staging_index_of_nobody_is_kept_and_named() {
    let (rig, name) = staging_of(&[]).await;
    assert_staging_is_kept(&rig, &name, "was made by somebody else").await;
}

/// Under its name and with its tag, as a tool would make it that copies indexes with their tags.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_staging_index_that_was_made_anew_is_kept_and_named() {
    let (rig, Resource { name, .. }) =
        killed_at(|event| is_made(event, ResourceKind::StagingIndex)).await;
    let environment = Environment::stand_in(rig.emulator.url(), Secret::new(KEY));
    let endpoint =
        vecshift::plan::file::Endpoint { index: name.clone(), ..rig.plan.target.clone() };
    let index = open(&endpoint, Side::Target, &environment).unwrap().through(Calls::bare());
    let spec = index.describe().await.unwrap().unwrap().spec;
    index.must_remove().unwrap().delete_index().await.unwrap();
    rig.emulator.add_index(spec).await.unwrap();
    assert_staging_is_kept(&rig, &name, "is not the one that this run made: its host is").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_collection_that_was_made_anew_is_kept_and_named() {
    for (is_ready, why) in [(false, "it is being made"), (true, "it holds 41 records and held 40")]
    {
        let (rig, Resource { name, .. }) =
            killed_at(|event| is_made(event, ResourceKind::Collection)).await;
        let source = rig.admin(Side::Source);
        source.must_discard().unwrap().delete_collection(&name).await.unwrap();
        add_record(&rig, Side::Source, "ns_1", "late").await;
        source.must_freeze().unwrap().create_collection(&name).await.unwrap();
        while is_ready
            && !source.must_freeze().unwrap().collection(&name).await.unwrap().unwrap().is_ready()
        {
        }
        let outcome = rig.roll_back(true).await.unwrap();
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
        assert_eq!(rig.emulator.collections(), [name]);
        let why = format!("is not the one that this run made: {why}");
        assert!(notes(&rig).contains(&why), "{}", notes(&rig));
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_collection_of_another_project_is_not_removed() {
    let (rig, Resource { name, .. }) =
        killed_at(|event| is_made(event, ResourceKind::Collection)).await;
    let (other, world) = another_project(&rig).await;
    let environment = Environment::stand_in(other.url(), Secret::new(KEY));
    let source = open(&rig.plan.source, Side::Source, &environment).unwrap();
    let source = source.through(Calls::bare());
    source.must_freeze().unwrap().create_collection(&name).await.unwrap();
    while !source.must_freeze().unwrap().collection(&name).await.unwrap().unwrap().is_ready() {}
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap();
    let run = prepare(&rig, world, driver, rig.options()).await;
    let outcome = roll_back(run, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    assert_eq!(other.collections(), std::slice::from_ref(&name));
    // With the right key it goes on.
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(rig.emulator.collections().is_empty());
}
