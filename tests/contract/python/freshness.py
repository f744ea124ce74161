"""Log sequence numbers where the SDK shows them. Here writes can be read a while later (`lag`)."""

import time

from rig import GRPC, SDK, fetch, numbered, serverless, until, upsert

WRITTEN, READABLE = "x-pinecone-request-lsn", "x-pinecone-max-indexed-lsn"
target = serverless("fresh")


def lsn(answer, name):
    """From the headers (SDK 8 over gRPC: the initial metadata); None where there is none to see."""
    info = getattr(answer, "response_info", None)
    info = info if info is not None else getattr(answer, "_response_info", None)
    if info is None:
        return None
    headers = info["raw_headers"] if isinstance(info, dict) else info.raw_headers
    value = headers.get(name)
    return None if value is None else int(value)


def query():
    return target.query(vector=[1.0, 1.0, 1.0], top_k=10, namespace="ns")


def a_write_becomes_readable():
    first = upsert(target, numbered(3), "ns")
    until("the first write can be read", lambda: len(query().matches) == 3)
    second = upsert(target, [("late", [1.0, 1.0, 1.0])], "ns")
    written = lsn(second, WRITTEN)
    answer = query()
    if GRPC and SDK >= 10:
        assert written is None  # This SDK shows no metadata of gRPC.
        until("the write can be read", lambda: "late" in fetch(target, ["late"], "ns"))
        return
    assert written > lsn(first, WRITTEN), (lsn(first, WRITTEN), written)
    while lsn(answer, READABLE) < written:
        assert "late" not in [match.id for match in answer.matches], "readable before its number said so"
        time.sleep(0.02)
        answer = query()
    assert "late" in [match.id for match in answer.matches], answer
    assert "late" in fetch(target, ["late"], "ns")
    changed = target.update(id="late", set_metadata={"a": "b"}, namespace="ns")
    assert changed is None or lsn(changed, WRITTEN) in (None, written + 1), changed


a_write_becomes_readable()
