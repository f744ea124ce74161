"""Records by their ids: upsert in every shape, fetch, update, delete, list with its pages, stats."""

from rig import (
    GRPC, SDK, counts, fetch, listed, metadata, numbered, pinecone, refused, refused_somewhere, serverless, upsert,
)

target = serverless("records")


def upserted():
    vectors = [
        ("tuple", [0.5, 0.25, 0.125]),
        ("tuple-with-metadata", [1.0, 2.0, 3.0], {"a": "b"}),
        {"id": "dict", "values": [-1.0, -0.0, 1e-30], "metadata": {"flag": True}},
        pinecone.Vector(id="object", values=[3.0, 2.0, 1.0], metadata={"n": 1.5}),
    ]
    assert upsert(target, vectors, "shapes").upserted_count == 4
    back = fetch(target, ["tuple", "tuple-with-metadata", "dict", "object", "absent"], "shapes")
    assert sorted(back) == ["dict", "object", "tuple", "tuple-with-metadata"], back
    assert list(back["tuple"].values) == [0.5, 0.25, 0.125]
    assert metadata(back["tuple"]) == {}
    assert metadata(back["tuple-with-metadata"]) == {"a": "b"}
    assert metadata(back["dict"]) == {"flag": True}
    assert metadata(back["object"]) == {"n": 1.5}


def in_batches():
    answer = target.upsert(vectors=numbered(250), namespace="many", batch_size=60, show_progress=False)
    assert answer.upserted_count == 250
    assert counts(target) == {"shapes": 4, "many": 250}, counts(target)
    stats = target.describe_index_stats()
    assert (stats.dimension, stats.total_vector_count) == (3, 254), stats
    if SDK >= 10 or not GRPC:  # SDK 8 does not read it from gRPC.
        assert stats.metric == "cosine", stats


def an_upsert_replaces():
    upsert(target, [("tuple-with-metadata", [9.0, 9.0, 9.0], {"c": "d"})], "shapes")
    record = fetch(target, ["tuple-with-metadata"], "shapes")["tuple-with-metadata"]
    assert (list(record.values), metadata(record)) == ([9.0, 9.0, 9.0], {"c": "d"})


def an_update_merges():
    target.update(id="object", set_metadata={"m": "new"}, namespace="shapes")
    record = fetch(target, ["object"], "shapes")["object"]
    assert metadata(record) == {"n": 1.5, "m": "new"}, record
    assert list(record.values) == [3.0, 2.0, 1.0], record
    target.update(id="object", values=[0.0, 0.0, 1.0], namespace="shapes")
    record = fetch(target, ["object"], "shapes")["object"]
    assert list(record.values) == [0.0, 0.0, 1.0], record
    assert metadata(record) == {"n": 1.5, "m": "new"}, record


def pages():
    ids = [f"id-{n:03}" for n in range(250)]
    got = listed(target, namespace="many")
    assert [len(page) for page in got] == [100, 100, 50], [len(page) for page in got]
    assert sum(got, []) == ids
    assert listed(target, namespace="many", prefix="id-01", limit=4) == [ids[10:14], ids[14:18], ids[18:20]]
    first = target.list_paginated(namespace="many", limit=3)
    assert [item.id for item in first.vectors] == ids[:3]
    token = first.pagination.next
    second = target.list_paginated(namespace="many", limit=3, pagination_token=token)
    assert [item.id for item in second.vectors] == ids[3:6]
    last = target.list_paginated(namespace="many", prefix="id-249")
    assert [item.id for item in last.vectors] == ids[249:]
    assert not last.pagination or not last.pagination.next
    assert listed(target, namespace="absent") == []


def deleted():
    target.delete(ids=["id-000", "id-001", "absent"], namespace="many")
    assert counts(target)["many"] == 248
    assert not fetch(target, ["id-000"], "many")
    target.delete(delete_all=True, namespace="shapes")
    assert counts(target).get("shapes", 0) == 0
    refused(404, target.delete, delete_all=True, namespace="absent")


def the_default_namespace():
    target.upsert(vectors=[("here", [1.0, 1.0, 1.0])], show_progress=False)
    assert counts(target)["__default__"] == 1, counts(target)
    assert list(target.fetch(ids=["here"]).vectors) == ["here"]
    assert sum(listed(target), []) == ["here"]
    assert list(fetch(target, ["here"], "__default__")) == ["here"]
    target.delete(ids=["here"])
    assert not target.fetch(ids=["here"]).vectors


def refusals():
    refused(400, upsert, target, [("x", [1.0, 2.0])], "shapes")
    refused(400, target.update, id="object", values=[1.0], namespace="shapes")
    refused(400, upsert, target, numbered(1_001))
    refused_somewhere(400, upsert, target, [("x", [1.0, 2.0, 3.0], {"nested": {"a": "b"}})])
    refused_somewhere(400, upsert, target, [("x" * 513, [1.0, 2.0, 3.0])])
    refused_somewhere(400, target.list_paginated, namespace="many", limit=101)
    refused_somewhere(400, target.fetch, ids=[f"{n}" for n in range(1_001)])
    refused_somewhere(400, target.delete, ids=[f"{n}" for n in range(1_001)])
    large = {"text": "x" * 41_000}
    refused(400, upsert, target, [("x", [1.0, 2.0, 3.0], large)])
    # Over 2 MB, with every record under its own limit.
    many = [(f"big-{n}", [1.0, 2.0, 3.0], {"text": "x" * 40_000}) for n in range(52)]
    refused(413, upsert, target, many)
    assert not fetch(target, ["big-0"])


upserted()
in_batches()
an_upsert_replaces()
an_update_merges()
pages()
deleted()
the_default_namespace()
refusals()
