//! What only Pinecone's index does, or does in a way of its own, over every wire.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use vecshift::ErrorKind;
use vecshift::clock::{Clock, Timestamp};
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{
    Metric, Record, RecordId, Span, SparseVector, Token, Vector, VectorType, Vectors,
};
use vecshift::plan::file::Faults;
use vecshift::provider::pinecone::Transport;
use vecshift::store::{Query, Reader, Store, Write};

use crate::conformance::{fetch, ids_of, namespace, record};
use crate::peers::{bare, index, peers, peers_on, pod, serverless, spec};

#[tokio::test]
async fn an_index_that_is_not_there_is_none_and_reading_it_is_not_found() {
    let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
    for transport in [Transport::Grpc, Transport::Rest] {
        let target = index(&emulator, transport);
        assert_eq!(target.describe().await.unwrap(), None);
        assert_eq!(target.stats().await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(
            target
                .must_fetch()
                .unwrap()
                .fetch(&namespace(""), &ids_of(&["a"]))
                .await
                .unwrap_err()
                .kind(),
            ErrorKind::NotFound
        );
        target.must_remove().unwrap().delete_index().await.unwrap();
    }
}

#[tokio::test]
async fn a_listing_by_prefix_holds_each_id_once_in_bytewise_order() {
    for transport in [Transport::Grpc, Transport::Rest] {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        emulator.add_index(spec(serverless(), Metric::Cosine, VectorType::Dense)).await.unwrap();
        let (n, index) = (namespace("n"), bare(&emulator, transport));
        let records: Vec<Record> = (0..250).map(|at| record(&format!("id {at}"))).collect();
        index.upsert(&n, &records).await.unwrap();
        for prefix in ["", "id 1", "id 24", "id", "ie"] {
            let own = records.iter().filter(|record| record.id.text().starts_with(prefix));
            let expected: BTreeSet<RecordId> = own.map(|record| record.id.clone()).collect();
            let (mut found, mut page) = (Vec::new(), None);
            loop {
                let answer = index.list(&n, prefix, page.as_deref()).await.unwrap();
                found.extend(answer.ids);
                page = answer.next;
                if page.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(found, expected, "{transport:?} under `{prefix}`");
        }
    }
}

#[tokio::test]
async fn a_reader_can_wait_for_a_write_where_there_are_numbers() {
    let clock = Clock::test(Timestamp::UNIX_EPOCH);
    for peer in peers_on(&clock).await {
        let lag = Duration::from_secs(3);
        let n = namespace("n");
        peer.target.must_write().unwrap().upsert(&n, &[record("first")]).await.unwrap();
        peer.emulator.set_faults(Faults { lag: Some(Span(lag)), ..Faults::default() });
        let upserted =
            peer.target.must_write().unwrap().upsert(&n, &[record("second")]).await.unwrap();
        if peer.target.whole().is_none() {
            assert_eq!(upserted.token, None, "{}", peer.name);
            assert_eq!(
                peer.target
                    .must_write()
                    .unwrap()
                    .visible(&n, &Token::new(&1), Reader::Get)
                    .await
                    .unwrap(),
                None,
                "{}",
                peer.name
            );
            continue;
        }
        let token = upserted.token.unwrap();
        for reader in [Reader::Get, Reader::Scan, Reader::Search] {
            let visible = peer.target.must_write().unwrap().visible(&n, &token, reader).await;
            assert_eq!(visible.unwrap(), Some(false), "{}: {reader:?}", peer.name);
        }
        assert_eq!(fetch(&peer, "n", &["second"]).await, [], "{}", peer.name);
        clock.skip(lag);
        for reader in [Reader::Get, Reader::Scan, Reader::Search] {
            let visible = peer.target.must_write().unwrap().visible(&n, &token, reader).await;
            assert_eq!(visible.unwrap(), Some(true), "{}: {reader:?}", peer.name);
        }
        assert_eq!(fetch(&peer, "n", &["second"]).await, [record("second")], "{}", peer.name);
        let write = peer.target.must_write().unwrap();
        assert_eq!(write.both(token.clone(), Token::new(&1)).unwrap(), token, "{}", peer.name);
        let foreign = Token::new(&"of another store");
        let error = write.visible(&n, &foreign, Reader::Get).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}", peer.name);
    }
}

#[tokio::test]
async fn an_index_made_anew_is_another_one() {
    for transport in [Transport::Grpc, Transport::Rest] {
        let options = EmulatorOptions { ready_after: Duration::ZERO, ..Default::default() };
        let emulator = Emulator::start(options).await.unwrap();
        let target = index(&emulator, transport);
        let first = spec(serverless(), Metric::Cosine, VectorType::Dense);
        target.must_admin().unwrap().create(&first).await.unwrap();
        target.must_write().unwrap().upsert(&namespace("n"), &[record("a")]).await.unwrap();
        assert!(target.whole().is_some());

        target.must_remove().unwrap().delete_index().await.unwrap();
        target
            .must_admin()
            .unwrap()
            .create(&spec(pod(), Metric::Cosine, VectorType::Dense))
            .await
            .unwrap();
        assert_eq!(target.stats().await.unwrap().total, 0);
        assert!(target.whole().is_none());
    }
}

#[tokio::test]
async fn a_sparse_index_keeps_sparse_values_only() {
    for transport in [Transport::Grpc, Transport::Rest] {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        let spec = spec(serverless(), Metric::Dotproduct, VectorType::Sparse);
        emulator.add_index(spec.clone()).await.unwrap();
        let target = index(&emulator, transport);
        assert_eq!(target.describe().await.unwrap().unwrap().spec, spec);
        let sparse = SparseVector::new(vec![3, 1], Vector::from_values([0.5, 0.25]));
        let written = Record { vectors: Vectors::plain(Vector::NONE, sparse), ..record("a") };
        assert_eq!(target.must_write().unwrap().rejects(&namespace("n"), &written, None), None);
        let upserted = target
            .must_write()
            .unwrap()
            .upsert(&namespace("n"), std::slice::from_ref(&written))
            .await
            .unwrap();
        let read =
            target.must_fetch().unwrap().fetch(&namespace("n"), &ids_of(&["a"])).await.unwrap();
        let entries = |record: &Record| record.sparse().unwrap().sorted();
        assert_eq!(entries(&read[0]), entries(&written));
        let query = Query { vectors: written.vectors.clone(), limit: 1, ..Query::default() };
        assert_eq!(
            target.must_search().unwrap().query(&namespace("n"), &query).await.unwrap().len(),
            1
        );
        if let Some(token) = upserted.token {
            assert_ne!(
                target
                    .must_write()
                    .unwrap()
                    .visible(&namespace("n"), &token, Reader::Search)
                    .await
                    .unwrap(),
                Some(false)
            );
        }
        assert!(
            target.must_write().unwrap().rejects(&namespace("n"), &record("dense"), None).is_some()
        );
    }
}

#[tokio::test]
async fn a_source_is_read_through_the_same_trait() {
    for peer in peers().await {
        let source: Arc<dyn Store> = peer.target.clone();
        assert_eq!(source.describe().await.unwrap().unwrap().spec, peer.spec);
    }
}
