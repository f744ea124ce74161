//! The emulator's data plane over both wires.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use vecshift::model::{Metadata, Value};
use vecshift::pinecone_wire::proto;

use crate::emulator::{Rig, grpc, records};

fn le_bytes(values: &[f32]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>().into()
}

fn ids(answer: &Json, list: &str) -> Vec<String> {
    let items = answer[list].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn vector(id: &str, values: &[f32]) -> proto::Vector {
    proto::Vector { id: id.to_owned(), values: le_bytes(values), ..Default::default() }
}

#[tokio::test]
async fn records_are_written_read_changed_and_deleted() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let vectors = json!([
        {"id": "a b", "values": [1, 0, 0], "metadata": {"kind": "x"}},
        {"id": "b", "values": [0, 1, 0], "metadata": {"kind": "y", "n": 2}},
    ]);
    let body = json!({"namespace": "ns", "vectors": vectors});
    let answer = rig.post(&host, "/vectors/upsert", body).await;
    assert_eq!(answer.lsn("x-pinecone-request-lsn"), Some(1));
    assert_eq!(answer.expect(200), json!({"upsertedCount": 2}));

    for path in
        ["/vectors/fetch?ids=a+b&ids=zz&namespace=ns", "/vectors/fetch?ids=a%20b&namespace=ns"]
    {
        let fetched = rig.get(&host, path).await.expect(200);
        assert_eq!(
            fetched,
            json!({
                "vectors": {"a b": {"id": "a b", "values": [1.0, 0.0, 0.0], "metadata": {"kind": "x"}}},
                "namespace": "ns",
                "usage": {"readUnits": 1}
            })
        );
    }

    for wrong in [
        json!({"id": "z", "values": [0, 0, 0]}),
        json!({"id": "z", "values": [1, 0, 0], "metadata": {"gone": null}}),
        json!({"id": "z", "values": [1, 0, 0], "metadata": {"$in": "x"}}),
    ] {
        let body = json!({"namespace": "ns", "vectors": [wrong]});
        rig.post(&host, "/vectors/upsert", body).await.expect(400);
    }
    for wrong in [json!({"values": [0, 0, 0]}), json!({"setMetadata": {"kind": null}})] {
        let mut body = json!({"namespace": "ns", "id": "b"});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        rig.post(&host, "/vectors/update", body).await.expect(400);
    }

    let query = json!({
        "namespace": "ns", "vector": [1, 0.5, 0], "topK": 5, "includeMetadata": true,
        "filter": {"kind": {"$in": ["x", "y"]}}
    });
    let answer = rig.post(&host, "/query", query).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), Some(1));
    let found = answer.expect(200);
    assert_eq!(ids(&found, "matches"), ["a b", "b"]);
    assert_eq!(found["matches"][0]["values"], json!([]));
    assert_eq!(found["matches"][0]["metadata"], json!({"kind": "x"}));

    let by_id = json!({"namespace": "ns", "id": "b", "topK": 1, "includeValues": true});
    let found = rig.post(&host, "/query", by_id).await.expect(200);
    assert_eq!(found["matches"][0]["id"], "b");
    assert_eq!(found["matches"][0]["values"], json!([0.0, 1.0, 0.0]));

    let update = json!({"namespace": "ns", "id": "b", "setMetadata": {"n": 3, "new": ["t"]}});
    assert_eq!(rig.post(&host, "/vectors/update", update).await.expect(200), json!({}));
    let fetched = rig.get(&host, "/vectors/fetch?ids=b&namespace=ns").await.expect(200);
    assert_eq!(fetched["vectors"]["b"]["metadata"], json!({"kind": "y", "n": 3.0, "new": ["t"]}));
    let update = json!({"namespace": "ns", "filter": {"kind": "x"}, "setMetadata": {"n": 9}});
    let matched = rig.post(&host, "/vectors/update", update).await.expect(200);
    assert_eq!(matched, json!({"matchedRecords": 1}));
    let by_metadata = json!({"namespace": "ns", "filter": {"n": 9}});
    let found = rig.post(&host, "/vectors/fetch_by_metadata", by_metadata).await.expect(200);
    assert_eq!(found["vectors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["a b"]);

    let delete = json!({"namespace": "ns", "ids": ["b", "zz"]});
    assert_eq!(rig.post(&host, "/vectors/delete", delete).await.expect(200), json!({}));
    let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!(
        stats,
        json!({
            "namespaces": {"ns": {"vectorCount": 1}}, "indexFullness": 0.0, "totalVectorCount": 1,
            "metric": "cosine", "vectorType": "dense", "dimension": 3
        })
    );
    rig.post(&host, "/vectors/delete", json!({"namespace": "ns", "filter": {"kind": "x"}}))
        .await
        .expect(200);
    rig.post(&host, "/vectors/delete", json!({"namespace": "ns", "deleteAll": true}))
        .await
        .expect(200);
    let gone =
        rig.post(&host, "/vectors/delete", json!({"namespace": "ns", "deleteAll": true})).await;
    assert_eq!(gone.refused(404, 5), "Namespace not found");
}

#[tokio::test]
async fn both_wires_carry_the_same_bits() {
    let rig = Rig::start().await;
    let host = rig
        .create(json!({
            "name": "bits", "dimension": 6, "metric": "dotproduct",
            "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        }))
        .await;
    let odd = [0.1_f32, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, 16_777_217.0];
    let mut sent = vector("grpc", &odd);
    sent.sparse_values = Some(proto::SparseValues {
        indices: vec![7, 4_000_000_000],
        values: le_bytes(&[0.3, 1e-40]),
    });
    let asked = proto::UpsertRequest { vectors: vec![sent.clone()], namespace: String::new() };
    let answer = grpc::<_, proto::UpsertResponse>(&host, proto::path::UPSERT, asked).await.unwrap();
    assert_eq!(answer.metadata().get("x-pinecone-request-lsn").unwrap(), "1");
    assert_eq!(answer.into_inner().upserted_count, 1);

    // Back over REST, up again over REST under another id, down over gRPC: the same bits.
    let fetched = rig.get(&host, "/vectors/fetch?ids=grpc").await.expect(200);
    let mut copy = fetched["vectors"]["grpc"].clone();
    copy["id"] = json!("rest");
    rig.post(&host, "/vectors/upsert", json!({"vectors": [copy]})).await.expect(200);
    let asked = proto::FetchRequest {
        ids: vec!["rest".to_owned(), "grpc".to_owned()],
        namespace: "__default__".to_owned(),
    };
    let fetched = grpc::<_, proto::FetchResponse>(&host, proto::path::FETCH, asked)
        .await
        .unwrap()
        .into_inner();
    for id in ["grpc", "rest"] {
        assert_eq!(fetched.vectors[id].values, sent.values, "{id}");
        assert_eq!(fetched.vectors[id].sparse_values, sent.sparse_values, "{id}");
    }
}

#[tokio::test]
async fn grpc_has_every_operation() {
    use proto::path;
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let ns = || "ns".to_owned();
    let vectors = (0..150).map(|n| vector(&format!("{n:03}"), &[1.0, n as f32, 0.0])).collect();
    let asked = proto::UpsertRequest { vectors, namespace: ns() };
    grpc::<_, proto::UpsertResponse>(&host, path::UPSERT, asked).await.unwrap();

    let asked = proto::ListRequest {
        namespace: ns(),
        prefix: Some("0".to_owned()),
        limit: Some(60),
        ..Default::default()
    };
    let page = grpc::<_, proto::ListResponse>(&host, path::LIST, asked.clone())
        .await
        .unwrap()
        .into_inner();
    let next = page.pagination.map(|pagination| pagination.next);
    assert_eq!((page.vectors.len(), next.is_some()), (60, true));
    let asked = proto::ListRequest { pagination_token: next, ..asked };
    let page = grpc::<_, proto::ListResponse>(&host, path::LIST, asked).await.unwrap().into_inner();
    assert_eq!((page.vectors.len(), page.pagination), (40, None));

    let asked = proto::QueryRequest {
        namespace: ns(),
        top_k: 3,
        vector: le_bytes(&[1.0, 0.0, 0.0]),
        include_values: true,
        ..Default::default()
    };
    let answer = grpc::<_, proto::QueryResponse>(&host, path::QUERY, asked).await.unwrap();
    assert_eq!(answer.metadata().get("x-pinecone-max-indexed-lsn").unwrap(), "1");
    let matches = answer.into_inner().matches;
    let found: Vec<_> = matches.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(found, ["000", "001", "002"]);
    assert_eq!(matches[0].values, le_bytes(&[1.0, 0.0, 0.0]));
    assert!((matches[0].score - 1.0).abs() < 1e-6);

    let word = |text: &str| Value::Text(text.into());
    let fields = |value| Metadata([("kind".to_owned(), value)].into());
    let asked = proto::UpdateRequest {
        id: "000".to_owned(),
        namespace: ns(),
        set_metadata: Some(fields(word("x"))),
        ..Default::default()
    };
    grpc::<_, proto::UpdateResponse>(&host, path::UPDATE, asked).await.unwrap();
    let asked = proto::FetchByMetadataRequest {
        namespace: ns(),
        filter: Some(fields(word("x"))),
        ..Default::default()
    };
    let found = grpc::<_, proto::FetchByMetadataResponse>(&host, path::FETCH_BY_METADATA, asked)
        .await
        .unwrap();
    assert_eq!(found.into_inner().vectors.into_keys().collect::<Vec<_>>(), ["000"]);

    // Null members are refused on this wire as on the other.
    let mut with_null = vector("null", &[1.0, 1.0, 1.0]);
    with_null.metadata = Some(fields(Value::Null));
    let asked = proto::UpsertRequest { vectors: vec![with_null], namespace: ns() };
    let status = grpc::<_, proto::UpsertResponse>(&host, path::UPSERT, asked).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);

    let asked =
        proto::DeleteRequest { ids: vec!["000".to_owned()], namespace: ns(), ..Default::default() };
    grpc::<_, proto::DeleteResponse>(&host, path::DELETE, asked).await.unwrap();
    let asked = proto::DescribeIndexStatsRequest::default();
    let stats =
        grpc::<_, proto::DescribeIndexStatsResponse>(&host, path::DESCRIBE_INDEX_STATS, asked)
            .await
            .unwrap();
    assert_eq!(stats.into_inner().namespaces["ns"].vector_count, 149);

    let field = ("kind".to_owned(), proto::MetadataField { filterable: true });
    let schema = proto::MetadataSchema { fields: [field].into() };
    let asked =
        proto::CreateNamespaceRequest { name: "made".to_owned(), schema: Some(schema.clone()) };
    let made = grpc::<_, proto::NamespaceDescription>(&host, path::CREATE_NAMESPACE, asked).await;
    assert_eq!(made.unwrap().into_inner().schema, Some(schema));
    let asked = proto::ListNamespacesRequest::default();
    let list = grpc::<_, proto::ListNamespacesResponse>(&host, path::LIST_NAMESPACES, asked)
        .await
        .unwrap();
    let names: Vec<_> =
        list.into_inner().namespaces.into_iter().map(|n| (n.name, n.record_count)).collect();
    assert_eq!(names, [("made".to_owned(), 0), ("ns".to_owned(), 149)]);
    let made = || proto::NamespaceRequest { namespace: "made".to_owned() };
    grpc::<_, proto::NamespaceDescription>(&host, path::DESCRIBE_NAMESPACE, made()).await.unwrap();
    grpc::<_, proto::DeleteResponse>(&host, path::DELETE_NAMESPACE, made()).await.unwrap();
    let status = grpc::<_, proto::NamespaceDescription>(&host, path::DESCRIBE_NAMESPACE, made())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_list_walks_every_id_once_in_byte_order() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(257)})).await.expect(200);
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/vectors/list?paginationToken={token}");
        let page = rig.get(&host, &path).await.expect(200);
        all.extend(ids(&page, "vectors"));
        match page["pagination"]["next"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let mut wanted: Vec<_> = (0..257).map(|n| format!("id-{n}")).collect();
    wanted.sort();
    assert_eq!(all, wanted);
    let page = rig.get(&host, "/vectors/list?prefix=id-25&limit=4").await.expect(200);
    assert_eq!(ids(&page, "vectors"), ["id-25", "id-250", "id-251", "id-252"]);
    for wrong in ["limit=101", "limit=0", "limit=x", "paginationToken=zz"] {
        rig.get(&host, &format!("/vectors/list?{wrong}")).await.refused(400, 3);
    }
}

#[tokio::test]
async fn limits_are_those_of_the_documents() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let upsert =
        async |vectors: Json| rig.post(&host, "/vectors/upsert", json!({"vectors": vectors})).await;
    let with = |metadata: Json| json!([{"id": "a", "values": [1, 2, 3], "metadata": metadata}]);

    upsert(records(1001)).await.refused(400, 3);
    let long = "x".repeat(2_000_000);
    let message = upsert(with(json!({"text": long}))).await.refused(413, 11);
    assert!(message.contains("2000000"), "{message}");
    let message = upsert(with(json!({"text": "x".repeat(41_000)}))).await.refused(400, 3);
    assert!(message.contains("40960"), "{message}");
    upsert(with(json!({"nested": {"a": 1}}))).await.refused(400, 3);
    upsert(with(json!({"list": [1, 2]}))).await.refused(400, 3);
    upsert(json!([])).await.refused(400, 3);
    upsert(json!([{"id": "", "values": [1, 2, 3]}])).await.refused(400, 3);
    upsert(json!([{"id": "é", "values": [1, 2, 3]}])).await.refused(400, 3);
    upsert(json!([{"id": "x".repeat(513), "values": [1, 2, 3]}])).await.refused(400, 3);
    let message = upsert(json!([{"id": "a", "values": [1, 2]}])).await.refused(400, 3);
    assert_eq!(message, "Vector dimension 2 does not match the dimension of the index 3");
    let sparse =
        json!([{"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [1], "values": [1]}}]);
    upsert(sparse).await.refused(400, 3);
    upsert(json!([{"values": [1, 2, 3]}])).await.refused(400, 3);
    // One bad record refuses the whole request.
    upsert(json!([{"id": "good", "values": [1, 2, 3]}, {"id": "bad", "values": [1]}]))
        .await
        .refused(400, 3);
    let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!(stats["totalVectorCount"], 0);

    let many: Vec<_> = (0..1001).map(|n| format!("ids={n}")).collect();
    rig.get(&host, &format!("/vectors/fetch?{}", many.join("&"))).await.refused(400, 3);
    rig.get(&host, &format!("/vectors/fetch?{}", many[..1000].join("&"))).await.expect(200);
    let many: Vec<_> = (0..1001).map(|n| n.to_string()).collect();
    rig.post(&host, "/vectors/delete", json!({"ids": many})).await.refused(400, 3);
    rig.post(&host, "/vectors/delete", json!({})).await.refused(400, 3);
    let beside = json!({"ids": ["none"], "deleteAll": false, "filter": {}});
    rig.post(&host, "/vectors/delete", beside).await.expect(200);
    rig.post(&host, "/vectors/delete", json!({"filter": {}})).await.refused(400, 3);
    rig.post(&host, "/vectors/delete", json!({"ids": ["a"], "deleteAll": true}))
        .await
        .refused(400, 3);

    for query in [
        json!({"topK": 10_001, "vector": [1, 2, 3]}),
        json!({"topK": 0, "vector": [1, 2, 3]}),
        json!({"topK": 1}),
        json!({"topK": 1, "vector": [1, 2, 3], "id": "a"}),
        json!({"topK": 1, "vector": [1, 2]}),
        json!({"topK": 1, "vector": [1, 2, 3], "filter": {"a": {"$like": "x"}}}),
        json!({"vector": [1, 2, 3]}),
    ] {
        rig.post(&host, "/query", query).await.refused(400, 3);
    }
}

#[tokio::test]
async fn a_result_over_4_mb_is_refused() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let text = "x".repeat(39_000);
    for batch in 0..3 {
        let vectors: Vec<_> = (0..45)
            .map(|n| json!({"id": format!("{batch}-{n}"), "values": [1, 2, 3], "metadata": {"text": text}}))
            .collect();
        rig.post(&host, "/vectors/upsert", json!({"vectors": vectors})).await.expect(200);
    }
    let query = |top_k: u32| json!({"topK": top_k, "vector": [1, 2, 3], "includeMetadata": true});
    rig.post(&host, "/query", query(100)).await.expect(200);
    rig.post(&host, "/query", query(135)).await.refused(400, 11);
    rig.post(&host, "/query", json!({"topK": 10_000, "vector": [1, 2, 3]})).await.expect(200);

    // A page of fetch_by_metadata is cut instead.
    let mut fetch = json!({"filter": {"text": {"$exists": true}}, "limit": 1000});
    let first = rig.post(&host, "/vectors/fetch_by_metadata", fetch.clone()).await.expect(200);
    let count = |page: &Json| page["vectors"].as_object().unwrap().len();
    assert_eq!(count(&first), 102);
    fetch["paginationToken"] = first["pagination"]["next"].clone();
    let second = rig.post(&host, "/vectors/fetch_by_metadata", fetch).await.expect(200);
    assert_eq!((count(&second), second.get("pagination")), (33, None));
}

#[tokio::test]
async fn a_sparse_index_keeps_sparse_records_only() {
    let rig = Rig::start().await;
    let host = rig
        .create(json!({
            "name": "sparse", "vector_type": "sparse",
            "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        }))
        .await;
    let vectors = json!([
        {"id": "a", "sparseValues": {"indices": [1, 5], "values": [0.5, 2]}},
        {"id": "b", "sparseValues": {"indices": [9], "values": [1]}},
    ]);
    rig.post(&host, "/vectors/upsert", json!({"vectors": vectors})).await.expect(200);
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(1)})).await.refused(400, 3);
    let query = json!({"topK": 10, "sparseVector": {"indices": [5, 1], "values": [1, 2]}});
    let answer = rig.post(&host, "/query", query).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), None);
    let found = answer.expect(200);
    assert_eq!(found["matches"], json!([{"id": "a", "score": 3.0, "values": []}]));
    let model = rig.control("GET", "/indexes/sparse", None).await.expect(200);
    assert_eq!((model.get("dimension"), &model["metric"]), (None, &json!("dotproduct")));
}

#[tokio::test]
async fn the_main_port_serves_the_data_plane_too() {
    let rig = Rig::start().await;
    let url = rig.emulator.url();
    rig.serverless("one").await;
    rig.post(&url, "/vectors/upsert", json!({"vectors": records(1)})).await.expect(200);
    rig.serverless("two").await;
    let message = rig.post(&url, "/describe_index_stats", json!({})).await.refused(404, 5);
    assert!(message.contains("x-vecshift-index"), "{message}");

    let count = async |header: &str, value: &str| {
        let request = rig.request("POST", &format!("{url}/describe_index_stats"), Some(json!({})));
        let answer = request.header(header, value).send().await.unwrap();
        answer.json::<Json>().await.unwrap()["totalVectorCount"].clone()
    };
    assert_eq!(count("x-vecshift-index", "one").await, 1);
    assert_eq!(count("x-vecshift-index", "two").await, 0);
    assert_eq!(count("host", "one.localhost:5080").await, 1);
    assert_eq!(count("x-vecshift-index", "three").await, Json::Null);

    let asked = proto::DescribeIndexStatsRequest::default();
    rig.control("DELETE", "/indexes/two", None).await.expect(202);
    let stats = grpc::<_, proto::DescribeIndexStatsResponse>(
        &url,
        proto::path::DESCRIBE_INDEX_STATS,
        asked,
    )
    .await
    .unwrap();
    assert_eq!(stats.into_inner().total_vector_count, 1);
}

#[tokio::test]
async fn a_kept_connection_serves_both_wires() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let mut versions = BTreeSet::new();
    for client in [http2, reqwest::Client::builder().no_proxy().http1_only().build().unwrap()] {
        for _ in 0..3 {
            let request =
                client.get(format!("{host}/vectors/list")).header("api-key", crate::emulator::KEY);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            versions.insert(format!("{:?}", response.version()));
        }
    }
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), ["HTTP/1.1", "HTTP/2.0"]);
}
