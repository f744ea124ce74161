"""Writes Parquet files as their usual writers do, each in a folder of its own with what a reader has to find there.

    python files.py FOLDER

A folder gets `case.json`: `columns` as a plan gives them, and either `records` (namespace, id, values, sparse values or
null, metadata) or `error`, parts of the message that refuses the files.
"""

import datetime
import decimal
import json
import sys
import uuid
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(sys.argv[1])
ROWS = [[0.5, -1.25, 3.0, 0.0], [1.0, 2.0, -0.5, 8.0], [4.0, 0.25, 1.5, -2.0]]
IDS = ["a", "b", "c"]
NUMBERS = [{"n": 1}, {"n": 2}, {"n": 3}]
TEXTS = [json.dumps(one) for one in NUMBERS]


def records(ids=IDS, values=ROWS, sparse=(None,) * 3, metadata=NUMBERS, namespaces=("",) * 3):
    return [list(one) for one in zip(namespaces, ids, values, sparse, metadata)]


def floats(rows=ROWS, kind=None):
    return pa.array(rows, kind or pa.list_(pa.float32()))


def case(name, columns=None, found=None, error=None):
    """The folder of a case."""
    folder = ROOT / name
    folder.mkdir(parents=True)
    told = {"columns": columns or {}, "records": found, "error": error}
    (folder / "case.json").write_text(json.dumps(told))
    return folder


def table(**columns):
    return pa.table({"id": IDS, "values": floats(), "metadata": TEXTS} | columns)


def without(*names, **columns):
    return table(**columns).drop_columns(list(names))


def codecs():
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
        for version in ["1.0", "2.0"]:
            folder = case(f"pyarrow-{codec}-{version}", found=records())
            path = folder / "f.parquet"
            pq.write_table(table(), path, compression=codec, data_page_version=version)
    for codec in ["uncompressed", "snappy", "gzip", "zstd", "lz4", "lz4_raw", "brotli"]:
        rows = duckdb.sql(
            "select * from (values ('a', [0.5, -1.25, 3.0, 0.0]::float[], '{\"n\":1}'),"
            " ('b', [1.0, 2.0, -0.5, 8.0]::float[], '{\"n\":2}'),"
            " ('c', [4.0, 0.25, 1.5, -2.0]::float[], '{\"n\":3}')) t(id, \"values\", metadata)"
        )
        path = case(f"duckdb-{codec}", found=records()) / "f.parquet"
        rows.write_parquet(str(path), compression=codec)
    for codec in ["snappy", "gzip", "brotli"]:
        frame = pd.DataFrame({"id": IDS, "values": ROWS, "metadata": TEXTS})
        name = "f.parquet.gzip" if codec == "gzip" else "f.parquet"
        frame.to_parquet(case(f"pandas-{codec}", found=records()) / name, compression=codec)


def vectors():
    holes = [ROWS[0], None, ROWS[2]]
    empty = [ROWS[0], [], ROWS[2]]
    kinds = {
        "list": pa.list_(pa.float32()),
        "large-list": pa.large_list(pa.float32()),
        "fixed-list": pa.list_(pa.float32(), 4),
        "list-view": pa.list_(pa.float32()),
        "half": pa.list_(pa.float16()),
        "double": pa.list_(pa.float64()),
        "fixed-double": pa.list_(pa.float64(), 4),
    }
    for name, kind in kinds.items():
        folder = case(f"values-{name}", found=records(values=empty))
        pq.write_table(table(values=floats(holes, kind)), folder / "f.parquet")
    tenths = [[0.1, 0.2, 0.3, 0.4]] * 3
    doubles = table(values=floats(tenths, pa.list_(pa.float64())))
    near = [float(one) for one in floats(tenths[:1]).flatten().to_pylist()]
    rounded = case("values-rounded", {"round": True}, records(values=[near] * 3))
    pq.write_table(doubles, rounded / "f.parquet")
    refused = case("values-not-rounded", error=["no 32-bit float equals", "row: 1", "round: true"])
    pq.write_table(doubles, refused / "f.parquet")
    arrays = duckdb.sql("select 'a' as id, [0.5, 1.0, 2.0]::float[3] as embedding")
    found = [["", "a", [0.5, 1.0, 2.0], None, {}]]
    path = case("duckdb-array", {"values": "embedding"}, found) / "f.parquet"
    arrays.write_parquet(str(path))
    nothing = case("values-null-type", found=records(values=[[]] * 3))
    pq.write_table(table(values=pa.nulls(3)), nothing / "f.parquet")
    whole = table(values=pa.array([[1, 2]] * 3))
    wrong = case("values-whole", error=["column `values` is list of whole number"])
    pq.write_table(whole, wrong / "f.parquet")


def sparse():
    lists = {"indices": pa.list_(pa.uint32()), "values": pa.list_(pa.float32())}
    rows = [{"indices": [7, 3], "values": [0.5, 1.5]}, None, {"indices": [], "values": []}]
    found = [{"indices": [7, 3], "values": [0.5, 1.5]}, None, {"indices": [], "values": []}]
    column = pa.array(rows, pa.struct(lists))
    folder = case("sparse-struct", found=records(sparse=found))
    pq.write_table(table(sparse_values=column), folder / "f.parquet")
    signed = pa.struct({"indices": pa.list_(pa.int64()), "values": pa.list_(pa.float64())})
    folder = case("sparse-signed", {"sparse_values": "s"}, records(sparse=found))
    pq.write_table(table(s=pa.array(rows, signed)), folder / "f.parquet")
    folder = case("sparse-map", found=records(sparse=found))
    entries = pa.array([[(7, 0.5), (3, 1.5)], None, []], pa.map_(pa.int32(), pa.float32()))
    pq.write_table(table(sparse_values=entries), folder / "f.parquet")
    only = case("sparse-only", found=records(values=[[]] * 3, sparse=found))
    pq.write_table(without("values", sparse_values=column), only / "f.parquet")
    below = [{"indices": [-1], "values": [0.5]}] * 3
    wrong = case("sparse-below-zero", error=["a sparse index is not one of", "row: 1"])
    pq.write_table(table(sparse_values=pa.array(below, signed)), wrong / "f.parquet")


def ids():
    kinds = {
        "large": pa.large_string(),
        "view": pa.string_view(),
        "dictionary": pa.dictionary(pa.int8(), pa.string()),
    }
    for name, kind in kinds.items():
        column = pa.array(IDS, pa.string()).cast(kind)
        folder = case(f"id-{name}", found=records())
        pq.write_table(table(id=column), folder / "f.parquet")
    big = [0, 9_007_199_254_740_993, 2**64 - 1]
    folder = case("id-whole", found=records(ids=[str(one) for one in big]))
    pq.write_table(table(id=pa.array(big, pa.uint64())), folder / "f.parquet")
    key = uuid.UUID("0192f0c1-2345-7abc-8def-0123456789ab")
    rows = duckdb.sql(f"select '{key}'::uuid as key, [1.0]::float[] as \"values\", 5 as n")
    columns = {"id": "key", "metadata": ["key", "n"]}
    found = [["", str(key), [1.0], None, {"key": str(key), "n": 5}]]
    rows.write_parquet(str(case("duckdb-uuid", columns, found) / "f.parquet"))
    column = pa.array([b"a", b"b", b"c"])
    wrong = case("id-binary", error=["column `id` is binary", "text, a whole number or a UUID"])
    pq.write_table(table(id=column), wrong / "f.parquet")


def metadata():
    when = datetime.datetime(2026, 11, 26, 9, 30, 0, 250_000)
    flat = {
        "title": pa.array(["x", None, "z"]),
        "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
        "year": pa.array([2026, 2_147_483_648, -1]),
        "large": pa.array([9_007_199_254_740_993, 9_007_199_254_740_992, None]),
        "price": pa.array([decimal.Decimal("12.30")] * 3, pa.decimal128(12, 2)),
        "exact": pa.array([decimal.Decimal("1234567890123456789.5")] * 3, pa.decimal128(30, 1)),
        "score": pa.array([0.5, 0.1, None]),
        "flag": pa.array([True, False, None]),
        "day": pa.array([when.date()] * 3),
        "at": pa.array([when] * 3, pa.timestamp("us")),
        "utc": pa.array([when] * 3, pa.timestamp("ms", "UTC")),
        "clock": pa.array([when.time()] * 3, pa.time64("us")),
        "tags": pa.array([["p", "q"], [], None]),
        "nothing": pa.nulls(3),
    }
    same = {
        "kind": "u", "price": 12.3, "exact": "1234567890123456789.5", "day": "2026-11-26",
        "at": "2026-11-26T09:30:00.25", "utc": "2026-11-26T09:30:00.25Z", "clock": "09:30:00.25",
    }
    fields = [
        same | {
            "title": "x", "year": 2026, "large": 9007199254740993, "score": 0.5, "flag": True,
            "tags": ["p", "q"],
        },
        same | {
            "kind": "v", "year": 2_147_483_648, "large": 9_007_199_254_740_992, "score": 0.1,
            "flag": False, "tags": [],
        },
        same | {"title": "z", "year": -1},
    ]
    plain = pa.table({"id": IDS, "values": floats()} | flat)
    for name, columns in [("others", "others"), ("listed", list(flat))]:
        folder = case(f"metadata-{name}", {"metadata": columns}, records(metadata=fields))
        pq.write_table(plain, folder / "f.parquet")
    refused = case("metadata-unread", error=["`title`, `kind`, `year`", "metadata: others"])
    pq.write_table(plain, refused / "f.parquet")

    rows = [{"n": 1, "s": "x"}, {"n": None, "s": "y"}, None]
    kept = [{"n": 1, "s": "x"}, {"s": "y"}, {}]
    folder = case("metadata-struct", found=records(metadata=kept))
    column = pa.array(rows, pa.struct({"n": pa.int64(), "s": pa.string()}))
    pq.write_table(table(metadata=column), folder / "f.parquet")
    folder = case("metadata-map", {"metadata": "m"}, records(metadata=[{"k": "v"}, {}, {}]))
    column = pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string()))
    pq.write_table(without("metadata", m=column), folder / "f.parquet")
    blobs = table(raw=pa.array([b"x"] * 3), span=pa.array([1, 2, 3], pa.duration("us")))
    folder = case("metadata-ignored", {"ignore": ["raw", "span"]}, records())
    pq.write_table(blobs, folder / "f.parquet")
    wrong = case("metadata-binary", error=["`raw`, `span`", "`span` (duration)", "ignore: [raw, span]"])
    pq.write_table(blobs, wrong / "f.parquet")
    wrong = case("metadata-duration", {"metadata": ["span"], "ignore": "others"}, error=["`span` is duration"])
    pq.write_table(blobs, wrong / "f.parquet")
    text = table(metadata=['{"a":1}', "[1]", "{}"])
    wrong = case("metadata-no-object", error=["not a JSON object", "row: 2", "id: b", "f.parquet"])
    pq.write_table(text, wrong / "f.parquet")
    frame = pd.DataFrame({"id": IDS, "values": ROWS, "metadata": TEXTS}, index=[5, 6, 9])
    wrong = case("pandas-index", error=["__index_level_0__"])
    frame.to_parquet(wrong / "f.parquet")


def folders():
    rows = table(tenant=["red", "red", "blue"], year=[2026, 2025, 2026])
    spaces = ["red", "red", "blue"]
    found = records(namespaces=spaces)
    columns = {"namespace": "tenant", "ignore": ["year"]}
    folder = case("pyarrow-hive", columns, found)
    pq.write_to_dataset(rows, folder, partition_cols=["tenant", "year"])
    fields = [{"year": "2026"}, {"year": "2025"}, {"year": "2026"}]
    columns = {"namespace": "tenant", "metadata": ["year"], "ignore": ["metadata"]}
    folder = case("duckdb-hive", columns, records(metadata=fields, namespaces=spaces))
    relation = duckdb.from_arrow(rows)
    relation.write_parquet(str(folder), partition_by=["tenant", "year"], overwrite=True)
    wrong = case("hive-unread", error=["`tenant` (folder)", "read as no part of a record"])
    pq.write_to_dataset(rows.drop_columns(["year"]), wrong, partition_cols=["tenant"])
    folder = case("namespace-constant", {"namespace": {"constant": "all"}}, records(namespaces=["all"] * 3))
    (folder / "deep").mkdir()
    pq.write_table(table(), folder / "deep" / "f.parquet")


def damage():
    path = case("damaged", error=["column `values` of", "f.parquet is damaged"]) / "f.parquet"
    rows = pa.table({"id": IDS * 400, "values": floats(ROWS * 400), "metadata": TEXTS * 400})
    ids = pa.array([f"{at}" for at in range(1_200)])
    rows = rows.set_column(0, "id", ids)
    pq.write_table(rows, path, compression="none", use_dictionary=False, write_page_checksum=True)
    column = pq.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    middle = column.data_page_offset + column.total_compressed_size // 2
    data[middle] ^= 0x10
    path.write_bytes(data)


for write in [codecs, vectors, sparse, ids, metadata, folders, damage]:
    write()
