"""Queries: by vector and by id, the three metrics, values and metadata, several namespaces, their limits."""

from rig import close, found, metadata, numbered, refused, refused_somewhere, serverless, upsert

VECTORS = [("x", [1.0, 0.0, 0.0]), ("y", [0.0, 2.0, 0.0]), ("xy", [3.0, 3.0, 0.0])]


def scores(metric):
    target = serverless(metric, metric=metric)
    upsert(target, VECTORS)
    answer = target.query(vector=[1.0, 0.0, 0.0], top_k=3)
    return [(match.id, match.score) for match in answer.matches]


def metrics():
    expected = {
        "cosine": [("x", 1.0), ("xy", 0.5**0.5), ("y", 0.0)],
        "dotproduct": [("xy", 3.0), ("x", 1.0), ("y", 0.0)],
        # The squared distance: smaller is nearer.
        "euclidean": [("x", 0.0), ("y", 5.0), ("xy", 13.0)],
    }
    for metric, wanted in expected.items():
        got = scores(metric)
        assert [name for name, _ in got] == [name for name, _ in wanted], (metric, got)
        assert all(close(a[1], b[1]) for a, b in zip(got, wanted)), (metric, got)


target = serverless("queries", metric="dotproduct")
upsert(target, numbered(30), "ns")


def what_is_included():
    best = target.query(vector=[0.0, 1.0, 0.0], top_k=1, namespace="ns").matches[0]
    assert best.id == "id-029" and not list(best.values or []) and not best.metadata, best
    best = target.query(
        vector=[0.0, 1.0, 0.0], top_k=1, namespace="ns", include_values=True, include_metadata=True
    ).matches[0]
    assert list(best.values) == [1.0, 29.0, 2.0], best
    assert metadata(best) == {"n": 29, "parity": "odd", "tags": ["t2", "all"]}, best
    assert close(best.score, 29.0)


def by_id():
    answer = target.query(id="id-010", top_k=3, namespace="ns")
    assert [match.id for match in answer.matches] == ["id-029", "id-028", "id-027"], answer
    assert answer.namespace == "ns"
    assert not target.query(id="absent", top_k=3, namespace="ns").matches


def how_many():
    assert len(found(target, vector=[1.0, 1.0, 1.0], top_k=10_000, namespace="ns")) == 30
    assert found(target, vector=[1.0, 1.0, 1.0], top_k=10, namespace="absent") == []
    usage = target.query(vector=[1.0, 1.0, 1.0], top_k=1, namespace="ns").usage
    assert usage.read_units > 0, usage


def several_namespaces():
    upsert(target, numbered(5, "other-"), "other")
    answer = target.query_namespaces(
        vector=[0.0, 1.0, 0.0], namespaces=["ns", "other"], metric="dotproduct", top_k=30
    )
    ids = [match.id for match in answer.matches]
    assert len(ids) == 30 and ids[0] == "id-029" and "other-004" in ids, ids


def refusals():
    refused(400, target.query, vector=[1.0, 2.0], top_k=1, namespace="ns")
    refused(400, target.query, vector=[1.0, 2.0, 3.0], top_k=1, filter={"n": {"$like": "x"}})
    refused_somewhere(400, target.query, vector=[1.0, 2.0, 3.0], top_k=10_001)
    pod_only = {"n": {"$gt": 1}}
    refused(400, target.describe_index_stats, filter=pod_only)


metrics()
what_is_included()
by_id()
how_many()
several_namespaces()
refusals()
