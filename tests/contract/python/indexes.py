"""Indexes: create, list, describe, configure, delete; protection, tags, dense and sparse, pods."""

from rig import POD, SDK, SERVERLESS, create, drop, index, numbered, pc, refused, refused_somewhere, upsert


def kind_of(model):
    """Dimension and metric, which SDK 10 reads from the schema's fields."""
    if SDK < 10:
        return model.dimension, model.metric
    fields = model.schema.fields
    dense = fields.get("_values")
    field = dense or fields["_sparse_values"]
    return getattr(field, "dimension", None), getattr(field, "metric", None)


def tags_of(model):
    return model.tags.to_dict() if SDK < 10 else dict(model.tags)


def created_and_described():
    made = pc.create_index(
        name="first", dimension=3, metric="euclidean", spec=SERVERLESS,
        deletion_protection="enabled", tags={"team": "search", "stage": "test"},
    )
    assert made.name == "first"
    told = pc.describe_index("first")
    assert kind_of(told) == (3, "euclidean"), told
    assert told.status.ready and told.status.state == "Ready", told.status
    assert told.deletion_protection == "enabled"
    assert tags_of(told) == {"team": "search", "stage": "test"}, told.tags
    where = told.spec.serverless if SDK < 10 else told.deployment
    assert (where.cloud, where.region) == ("aws", "us-east-1"), where
    assert told.host


def listed():
    names = sorted(model.name for model in pc.list_indexes())
    assert names == ["first", POD], names
    assert pc.has_index("first") and not pc.has_index("second")


def configured():
    pc.configure_index("first", tags={"stage": "", "owner": "me"})
    tags = tags_of(pc.describe_index("first"))
    assert tags == {"team": "search", "owner": "me"}, tags
    refused(403, pc.delete_index, "first", timeout=-1)
    pc.configure_index("first", deletion_protection="disabled")
    assert pc.describe_index("first").deletion_protection == "disabled"
    pc.delete_index("first")
    assert not pc.has_index("first")


def sparse_indexes():
    create("words", metric="dotproduct", vector_type="sparse", spec=SERVERLESS)
    told = pc.describe_index("words")
    assert kind_of(told)[0] is None, told
    if SDK < 10:
        assert told.vector_type == "sparse" and told.metric == "dotproduct", told
    # Listing has to survive an index without a dimension.
    assert {"words", POD} == {model.name for model in pc.list_indexes()}
    drop("words")


def refusals():
    create("taken", dimension=3, metric="cosine", spec=SERVERLESS)
    again = dict(dimension=3, metric="cosine", spec=SERVERLESS)
    refused(409, pc.create_index, name="taken", **again)
    refused(404, pc.describe_index, "absent")
    refused(404, pc.delete_index, "absent", timeout=-1)
    refused(404, pc.configure_index, "absent", deletion_protection="enabled")
    nowhere = {"serverless": {"cloud": "nimbus", "region": "us-east-1"}}
    refused(404, pc.create_index, name="n", dimension=3, metric="cosine", spec=nowhere)
    for wrong in ("Upper_Case", "-", "x" * 46):
        refused_somewhere(400, pc.create_index, name=wrong, **again)
    refused_somewhere(400, pc.create_index, name="n", **again | {"dimension": 20_001})
    drop("taken")


def pods():
    told = pc.describe_index(POD)
    pod = told.spec.pod if SDK < 10 else told.deployment
    assert (pod.environment, pod.pod_type, pod.replicas) == ("us-east-1-aws", "p1.x1", 1), pod
    pc.configure_index(POD, replicas=2, pod_type="p1.x2")
    told = pc.describe_index(POD)
    pod = told.spec.pod if SDK < 10 else told.deployment
    assert (pod.pod_type, pod.replicas) == ("p1.x2", 2), pod
    assert len(index(POD).fetch(ids=["pod-0", "pod-1", "none"]).vectors) == 2


def pods_are_created():
    """SDK 10 speaks 2026-07, which creates none."""
    from pinecone import PodSpec

    config = {"indexed": ["n"]}
    spec = PodSpec(environment="gcp-starter-us-gcp", pod_type="p2.x1", replicas=2, metadata_config=config)
    create("new-pod", dimension=3, metric="dotproduct", spec=spec)
    pod = pc.describe_index("new-pod").spec.pod
    assert (pod.pod_type, pod.replicas, pod.shards, pod.pods) == ("p2.x1", 2, 1, 2), pod
    assert list(pod.metadata_config["indexed"]) == ["n"], pod
    target = index("new-pod")
    upsert(target, numbered(4))
    # Selective indexing: `parity` cannot be filtered on.
    assert len(target.query(vector=[1.0, 1.0, 1.0], top_k=9, filter={"n": {"$gte": 2}}).matches) == 2
    assert not target.query(vector=[1.0, 1.0, 1.0], top_k=9, filter={"parity": "even"}).matches
    drop("new-pod")
    bad = PodSpec(environment="us-east-1-aws", pod_type="p9.x1")
    refused(400, pc.create_index, name="n", dimension=3, metric="cosine", spec=bad)


def pods_are_not_created():
    spec = {"pod": {"environment": "us-east-1-aws", "pod_type": "p1.x1"}}
    refused(400, pc.create_index, name="new-pod", dimension=3, metric="cosine", spec=spec)


def metadata_schema():
    """Only the fields of a schema can be filtered on."""
    fields = {"n": {"filterable": True}}
    spec = {"serverless": SERVERLESS["serverless"] | {"schema": fields}}
    create("narrow", dimension=3, metric="cosine", spec=spec)
    target = index("narrow")
    upsert(target, numbered(4))
    assert len(target.query(vector=[1.0, 1.0, 1.0], top_k=9, filter={"n": {"$gte": 2}}).matches) == 2
    assert not target.query(vector=[1.0, 1.0, 1.0], top_k=9, filter={"parity": "even"}).matches
    drop("narrow")


def read_capacity():
    create("nodes", dimension=3, metric="cosine", spec=SERVERLESS)
    scaling = {"node_type": "b1", "scaling": "Manual", "manual": {"shards": 1, "replicas": 2}}
    pc.configure_index("nodes", read_capacity={"mode": "Dedicated", "dedicated": scaling})
    told = pc.describe_index("nodes")
    capacity = told.spec.serverless.read_capacity if SDK < 10 else told.read_capacity
    if SDK < 10:
        assert capacity.mode == "Dedicated", capacity
    assert capacity.dedicated.node_type == "b1", capacity
    drop("nodes")


created_and_described()
listed()
configured()
sparse_indexes()
refusals()
pods()
if SDK < 10:
    pods_are_created()
    metadata_schema()
else:
    pods_are_not_created()
read_capacity()
