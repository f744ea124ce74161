"""What breaks clients: long and odd ids, unicode and odd metadata, large integers, wide vectors, exact floats."""

import struct

from rig import GRPC, SDK, bits, fetch, found, listed, metadata, refused, refused_somewhere, serverless, upsert

target = serverless("awkward", metric="dotproduct")

IDS = [
    "x" * 512, "with space", "a/b/c", "100%", "a%20b", "a+b", "a&ids=b", "q?x=1", "#hash", "semi;colon", "a=b",
    "back\\slash", "quote\"'", "<tag>", "[0]", "{}", "tab\there", "~", "..", "a:b@c", "comma,comma", "|",
]


def ids():
    upsert(target, [(name, [1.0, 2.0, 3.0]) for name in IDS], "ids")
    back = fetch(target, IDS, "ids")
    assert sorted(back) == sorted(IDS), set(IDS) ^ set(back)
    assert all(back[name].id == name for name in IDS)
    assert sum(listed(target, namespace="ids"), []) == sorted(IDS)
    for name in IDS:
        assert sum(listed(target, namespace="ids", prefix=name), []), name
        assert found(target, id=name, top_k=100, namespace="ids"), name
        target.update(id=name, set_metadata={"seen": name}, namespace="ids")
        assert metadata(fetch(target, [name], "ids")[name]) == {"seen": name}, name
    for name in IDS:
        target.delete(ids=[name], namespace="ids")
        assert not fetch(target, [name], "ids"), name
    for wrong in ("x" * 513, "\u00e9"):
        refused_somewhere(400, upsert, target, [(wrong, [1.0, 2.0, 3.0])])


METADATA = {
    "unicode": "Gr\u00fc\u00dfe \u4e16\u754c \U0001f600 \u0627\u0644\u0633\u0644\u0627\u0645",
    "cl\u00e9": "a name that is not ASCII",
    "dotted.name": "x",
    "with space": "x",
    "empty": "",
    "list": ["a", "b", "a"],
    "empty list": [],
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -1.5,
    "large": 2**53 - 1,
    "larger": 2**53,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "newline": "a\nb\tc\\d\"e",
}


def odd_metadata():
    upsert(target, [("odd", [1.0, 2.0, 3.0], METADATA)], "metadata")
    back = metadata(fetch(target, ["odd"], "metadata")["odd"])
    assert back == METADATA, {key: (METADATA.get(key), back.get(key))
                              for key in METADATA | back if METADATA.get(key) != back.get(key)}
    assert found(target, vector=[1.0, 0.0, 0.0], top_k=1, namespace="metadata",
                 filter={"unicode": METADATA["unicode"]}) == ["odd"]
    assert found(target, vector=[1.0, 0.0, 0.0], top_k=1, namespace="metadata", filter={"large": 2**53 - 1}) == ["odd"]
    for key in ("cl\u00e9", "dotted.name", "with space"):
        assert found(target, vector=[1.0, 0.0, 0.0], top_k=1, namespace="metadata",
                     filter={key: METADATA[key]}) == ["odd"], key
    # 40 KB to the byte: {"text":"..."}
    most = {"text": "x" * (40 * 1024 - len('{"text":""}'))}
    upsert(target, [("full", [1.0, 2.0, 3.0], most)], "metadata")
    assert metadata(fetch(target, ["full"], "metadata")["full"]) == most
    refused(400, upsert, target, [("over", [1.0, 2.0, 3.0], {"text": most["text"] + "x"})])
    for wrong in ({"a": {"b": 1}}, {"a": [1, 2]}, {"a": [["b"]]}):
        refused_somewhere(400, upsert, target, [("wrong", [1.0, 2.0, 3.0], wrong)])


def nulls():
    """Null members are refused on both wires; over gRPC SDK 10 drops them itself."""
    record = [{"id": "null", "values": [1.0, 2.0, 3.0], "metadata": {"a": None, "b": "c"}}]
    if not GRPC or SDK < 10:
        refused(400, upsert, target, record, "nulls")
    else:
        upsert(target, record, "nulls")
        assert metadata(fetch(target, ["null"], "nulls")["null"]) == {"b": "c"}


def zeros():
    """A dense vector of zeros has no direction; one that is hardly anything has."""
    refused(400, upsert, target, [("zeros", [0.0, 0.0, -0.0])], "zeros")
    upsert(target, [("tiny", [0.0, 0.0, 1e-38])], "zeros")
    refused(400, target.update, id="tiny", values=[0.0, 0.0, 0.0], namespace="zeros")


def operators():
    """A key that begins like an operator of filters cannot be a field's."""
    refused(400, upsert, target, [("wrong", [1.0, 2.0, 3.0], {"$in": "x"})], "operators")


def floats():
    """The bits of every 32-bit float come back, subnormal ones and the negative zero too."""
    words = [0x3DCCCCCD, 0x80000000, 0x00000001, 0x7F7FFFFF, 0xFF7FFFFF, 0x00800000, 0x3F800001, 0x33800000]
    values = [struct.unpack("<f", struct.pack("<I", word))[0] for word in words]
    eight = serverless("eight", dimension=8, metric="dotproduct")
    eight.upsert(vectors=[("bits", values)], show_progress=False)
    back = eight.fetch(ids=["bits"]).vectors["bits"].values
    assert bits(back) == words, [f"{word:08x}" for word in bits(back)]


def wide():
    wide = serverless("wide", dimension=20_000, metric="dotproduct")
    values = [float(n % 97) for n in range(20_000)]
    wide.upsert(vectors=[("wide", values)], show_progress=False)
    assert list(wide.fetch(ids=["wide"]).vectors["wide"].values) == values
    answer = wide.query(vector=values, top_k=1, include_values=True)
    assert list(answer.matches[0].values) == values


ids()
odd_metadata()
nulls()
zeros()
operators()
floats()
wide()
