"""Sparse indexes and hybrid queries; records with 2,048 sparse values."""

from rig import SDK, bits, close, fetch, found, pinecone, refused, serverless, sparse, upsert


def pairs(record):
    return dict(zip(record.sparse_values.indices, record.sparse_values.values))


def sparse_only():
    target = sparse("words")
    vectors = [
        {"id": "a", "sparse_values": {"indices": [1, 7], "values": [0.5, 2.0]}, "metadata": {"n": 1}},
        {"id": "b", "sparse_values": {"indices": [7, 4_000_000_000], "values": [1.0, 0.25]}},
        {"id": "c", "sparse_values": {"indices": [3], "values": [4.0]}},
    ]
    if SDK < 10:
        vectors = [pinecone.Vector(
            id=v["id"], sparse_values=pinecone.SparseValues(**v["sparse_values"]), metadata=v.get("metadata")
        ) for v in vectors]
    assert upsert(target, vectors, "ns").upserted_count == 3
    back = fetch(target, ["a", "b"], "ns")
    assert pairs(back["a"]) == {1: 0.5, 7: 2.0}, back["a"]
    assert pairs(back["b"]) == {7: 1.0, 4_000_000_000: 0.25}, back["b"]
    assert not list(back["a"].values or [])
    answer = target.query(sparse_vector={"indices": [7], "values": [2.0]}, top_k=5, namespace="ns")
    assert [(match.id, match.score) for match in answer.matches] == [("a", 4.0), ("b", 2.0)], answer
    assert found(target, sparse_vector={"indices": [7], "values": [2.0]}, top_k=5, namespace="ns",
                 filter={"n": 1}) == ["a"]
    target.update(id="c", sparse_values={"indices": [7], "values": [9.0]}, namespace="ns")
    assert found(target, sparse_vector={"indices": [7], "values": [1.0]}, top_k=1, namespace="ns") == ["c"]
    refused(400, upsert, target, [("dense", [1.0, 2.0, 3.0])], "ns")


def many_values():
    target = sparse("wide-words")
    indices, values = list(range(0, 2_048 * 3, 3)), [1.0 + n / 1024 for n in range(2_048)]
    record = {"id": "wide", "values": [], "sparse_values": {"indices": indices, "values": values}}
    if SDK < 10:
        record = pinecone.Vector(id="wide", sparse_values=pinecone.SparseValues(indices=indices, values=values))
    upsert(target, [record])
    back = target.fetch(ids=["wide"]).vectors["wide"].sparse_values
    assert (list(back.indices), bits(back.values)) == (indices, bits(values))
    more = {"indices": list(range(2_049)), "values": [1.0] * 2_049}
    over = {"id": "over", "values": [], "sparse_values": more} if SDK >= 10 else \
        pinecone.Vector(id="over", sparse_values=pinecone.SparseValues(**more))
    refused(400, upsert, target, [over])


def hybrid():
    target = serverless("hybrid", metric="dotproduct")
    vectors = [
        {"id": "dense", "values": [1.0, 0.0, 0.0], "sparse_values": {"indices": [9], "values": [0.1]}},
        {"id": "both", "values": [0.5, 0.0, 0.0], "sparse_values": {"indices": [5], "values": [2.0]}},
        {"id": "neither", "values": [0.0, 1.0, 0.0]},
    ]
    upsert(target, vectors)
    record = target.fetch(ids=["both"]).vectors["both"]
    assert (list(record.values), pairs(record)) == ([0.5, 0.0, 0.0], {5: 2.0}), record
    answer = target.query(vector=[1.0, 0.0, 0.0], sparse_vector={"indices": [5], "values": [1.0]}, top_k=3)
    got = [(match.id, match.score) for match in answer.matches]
    assert [name for name, _ in got] == ["both", "dense", "neither"], got
    assert close(got[0][1], 2.5) and close(got[1][1], 1.0), got
    cosine = serverless("no-hybrid")
    refused(400, upsert, cosine, vectors)


sparse_only()
many_values()
hybrid()
