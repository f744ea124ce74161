"""Namespaces: create with a schema, list with its pages, describe, delete; what a pod lacks."""

from rig import GRPC, POD, SDK, counts, found, index, numbered, refused, serverless, upsert

target = serverless("namespaces")


def by_name(call, name):
    """SDK 8 says `namespace`, SDK 10 says `name`."""
    return call(name=name) if SDK >= 10 else call(namespace=name)


def filterable():
    """SDK 8 wants its own class over REST."""
    if GRPC or SDK >= 10:
        return {"filterable": True}
    from pinecone.core.openapi.db_data.models import CreateNamespaceRequestSchemaFields

    return CreateNamespaceRequestSchemaFields(filterable=True)


def made():
    schema = {"fields": {"n": filterable()}}
    told = target.create_namespace(name="narrow", schema=schema)
    assert told.name == "narrow" and int(told.record_count or 0) == 0, told
    if SDK >= 10 or not GRPC:  # SDK 8 does not read it from gRPC.
        assert set(told.schema.fields) == {"n"}, told
    upsert(target, numbered(4), "narrow")
    assert len(found(target, vector=[1.0, 1.0, 1.0], top_k=9, namespace="narrow", filter={"n": {"$lt": 2}})) == 2
    assert not found(target, vector=[1.0, 1.0, 1.0], top_k=9, namespace="narrow", filter={"parity": "even"})
    refused(409, target.create_namespace, name="narrow")
    plain = target.create_namespace(name="plain")
    assert plain.name == "plain", plain


def described():
    upsert(target, numbered(3), "three")
    told = by_name(target.describe_namespace, "three")
    assert (told.name, int(told.record_count)) == ("three", 3), told
    refused(404, by_name, target.describe_namespace, "absent")


def listed():
    for n in range(12):
        upsert(target, numbered(1), f"page-{n:02}")
    names = [namespace.name for page in target.list_namespaces(limit=5) for namespace in page.namespaces] \
        if SDK >= 10 else [namespace.name for namespace in _flat(target.list_namespaces(limit=5))]
    assert names == ["narrow"] + [f"page-{n:02}" for n in range(12)] + ["plain", "three"], names
    page = target.list_namespaces_paginated(limit=2)
    assert [namespace.name for namespace in page.namespaces] == ["narrow", "page-00"], page
    token = page.pagination.next
    page = target.list_namespaces_paginated(limit=2, pagination_token=token)
    assert [namespace.name for namespace in page.namespaces] == ["page-01", "page-02"], page
    if SDK >= 10:
        page = target.list_namespaces_paginated(prefix="page-1")
        assert [namespace.name for namespace in page.namespaces] == ["page-10", "page-11"], page
        assert page.total_count == 2, page


def _flat(pages):
    for item in pages:
        yield from getattr(item, "namespaces", None) or [item]


def awkward():
    for name in ["a b", "a/b", "100%", "a%2Fb", "q?x=1&y", "#hash", "a+b", "x" * 512]:
        upsert(target, numbered(2), name)
        told = by_name(target.describe_namespace, name)
        assert (told.name, int(told.record_count)) == (name, 2), (name, told)
        by_name(target.delete_namespace, name)
        assert name not in counts(target), name


def deleted():
    by_name(target.delete_namespace, "three")
    refused(404, by_name, target.describe_namespace, "three")
    refused(404, by_name, target.delete_namespace, "three")
    assert "three" not in counts(target)


def not_on_pods():
    pod = index(POD)
    refused(404, pod.list_namespaces_paginated)
    refused(404, by_name, pod.describe_namespace, "x")
    refused(404, pod.list_paginated)


made()
described()
listed()
awkward()
deleted()
not_on_pods()
