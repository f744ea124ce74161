"""Filters: each operator in a query; fetch, update and delete by metadata; stats of a pod by filter."""

from rig import POD, counts, fetch, found, index, metadata, numbered, refused, refused_somewhere, serverless, upsert

target = serverless("filters")
upsert(target, numbered(30), "ns")
upsert(target, [("bare", [1.0, 1.0, 1.0])], "ns")


def having(filter):
    return {int(name.split("-")[1]) for name in found(target, vector=[1.0, 1.0, 1.0], top_k=100, namespace="ns",
                                                      filter=filter) if name != "bare"}


def operators():
    assert having({"n": 7}) == {7}
    assert having({"n": {"$eq": 7}}) == {7}
    assert having({"n": {"$ne": 7}}) == set(range(30)) - {7}
    assert having({"n": {"$gt": 26}}) == {27, 28, 29}
    assert having({"n": {"$gte": 27}}) == {27, 28, 29}
    assert having({"n": {"$lt": 2}}) == {0, 1}
    assert having({"n": {"$lte": 1}}) == {0, 1}
    assert having({"n": {"$in": [1, 5, 99]}}) == {1, 5}
    assert having({"n": {"$nin": list(range(2, 30))}}) == {0, 1}
    assert having({"parity": "even"}) == set(range(0, 30, 2))
    assert having({"tags": "t1"}) == set(range(1, 30, 3))
    assert having({"tags": {"$in": ["t0", "t2"]}}) == set(range(30)) - set(range(1, 30, 3))
    assert having({"$and": [{"parity": "odd"}, {"n": {"$lt": 6}}]}) == {1, 3, 5}
    assert having({"$or": [{"n": 1}, {"n": {"$gt": 28}}]}) == {1, 29}
    assert having({"n": {"$gt": 3, "$lt": 6}}) == {4, 5}
    assert having({"n": {"$exists": True}}) == set(range(30))
    without = {"n": {"$exists": False}}
    assert found(target, vector=[1.0, 1.0, 1.0], top_k=100, namespace="ns", filter=without) == ["bare"]


def fetched():
    answer = target.fetch_by_metadata(filter={"parity": "even"}, namespace="ns")
    assert sorted(answer.vectors) == [f"id-{n:03}" for n in range(0, 30, 2)], sorted(answer.vectors)
    record = answer.vectors["id-004"]
    assert list(record.values) == [1.0, 4.0, 2.0]
    assert metadata(record)["n"] == 4
    ids, token = [], None
    while True:
        page = target.fetch_by_metadata(filter={"parity": "even"}, namespace="ns", limit=6, pagination_token=token)
        assert len(page.vectors) <= 6
        ids += sorted(page.vectors)
        token = page.pagination.next if page.pagination else None
        if not token:
            break
    assert ids == [f"id-{n:03}" for n in range(0, 30, 2)], ids
    assert not target.fetch_by_metadata(filter={"n": 99}, namespace="ns").vectors
    refused_somewhere(400, target.fetch_by_metadata, filter={}, namespace="ns")


def updated():
    answer = target.update(filter={"n": {"$lt": 3}}, set_metadata={"low": True}, namespace="ns", dry_run=True)
    assert answer.matched_records == 3, answer
    assert not having({"low": True})
    answer = target.update(filter={"n": {"$lt": 3}}, set_metadata={"low": True}, namespace="ns")
    assert answer.matched_records == 3, answer
    assert having({"low": True}) == {0, 1, 2}
    assert metadata(fetch(target, ["id-001"], "ns")["id-001"]) == {
        "n": 1, "parity": "odd", "tags": ["t1", "all"], "low": True,
    }


def deleted():
    target.delete(filter={"parity": {"$eq": "odd"}}, namespace="ns")
    assert having({"n": {"$exists": True}}) == set(range(0, 30, 2))
    assert counts(target)["ns"] == 16
    refused(404, target.delete, filter={"parity": "odd"}, namespace="absent")


def on_a_pod():
    pod = index(POD)
    assert counts(pod) == {"": 20}, counts(pod)
    told = pod.describe_index_stats(filter={"n": {"$gte": 15}})
    assert told.namespaces[""].vector_count == 5, told
    assert len(found(pod, vector=[1.0, 1.0, 1.0], top_k=100, filter={"kind": "old"})) == 20


operators()
fetched()
updated()
deleted()
on_a_pod()
