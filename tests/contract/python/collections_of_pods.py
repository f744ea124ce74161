"""Collections: create from a pod, list, describe, delete; an index from a collection."""

from rig import POD, SDK, counts, create, drop, fetch, index, pc, refused, until


def name_of(collection):
    return collection["name"] if isinstance(collection, dict) else collection.name


def told(name):
    model = pc.describe_collection(name)
    return model if isinstance(model, dict) else {
        key: getattr(model, key) for key in ("name", "status", "environment", "dimension", "vector_count", "size")
    }


def made():
    pc.create_collection("frozen", POD)
    refused(409, pc.create_collection, "frozen", POD)
    until("the collection is ready", lambda: told("frozen")["status"] == "Ready")
    model = told("frozen")
    assert model["environment"] == "us-east-1-aws", model
    assert (model["dimension"], model["vector_count"]) == (3, 20), model
    assert model["size"] > 0, model
    names = [name_of(item) for item in pc.list_collections()]
    assert names == ["frozen"], names


def an_index_from_it():
    """SDK 8 passes a pod's `source_collection`; SDK 10 speaks 2026-07, which creates none from a collection."""
    from pinecone import PodSpec

    spec = PodSpec(environment="us-east-1-aws", pod_type="p1.x1", source_collection="frozen")
    create("thawed", dimension=3, metric="cosine", spec=spec)
    copy = index("thawed")
    assert counts(copy) == {"": 20}, counts(copy)
    assert list(fetch(copy, ["pod-7"])["pod-7"].values) == [1.0, 7.0, 2.0]
    drop("thawed")
    spec = PodSpec(environment="us-east-1-aws", pod_type="p1.x1", source_collection="frozen")
    refused(400, pc.create_index, name="thawed", dimension=4, metric="cosine", spec=spec)


def gone():
    pc.delete_collection("frozen")
    refused(404, pc.describe_collection, "frozen")
    refused(404, pc.delete_collection, "frozen")
    refused(400, pc.create_collection, "other", "no-such-index")
    assert not list(pc.list_collections())


made()
if SDK < 10:
    an_index_from_it()
gone()
