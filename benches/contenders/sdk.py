"""Copies one index to another with Pinecone's official SDK, as an application would: started by run.py.

One JSON line: how many records, how long it took, and what the process used. With no threads it is the loop that a
first migration writes: list, fetch, upsert, one after the other. With threads each page is fetched and written by one
of them while the next pages are listed.
"""

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor, wait, FIRST_COMPLETED

from pinecone import Pinecone

# What the SDK's own documents use for both.
PAGE = 100


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--dimension", type=int, required=True)
    parser.add_argument("--grpc", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


def patiently(call):
    """Makes a call again while it fails, a little later each time."""
    for attempt in range(10):
        try:
            return call()
        except Exception:
            if attempt == 9:
                raise
            time.sleep(0.2 * min(2**attempt, 16))


def both_ends(asked):
    project = Pinecone(api_key="bench", host=asked.url, grpc_scheme="http")
    spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
    project.create_index(name="to", dimension=asked.dimension, metric="cosine", spec=spec, timeout=-1)
    while not project.describe_index("to").status.ready:
        time.sleep(0.02)

    def connect(name):
        host = project.describe_index(name).host
        return project.index(host=host, grpc=True) if asked.grpc else project.Index(host=host)

    return connect("from"), connect("to")


def pages(source, namespace):
    for page in source.list(namespace=namespace):
        items = getattr(page, "vectors", page)
        yield [item if isinstance(item, str) else item.id for item in items]


def main():
    asked = arguments()
    source, target = both_ends(asked)

    def move(namespace, ids):
        found = patiently(lambda: source.fetch(ids=ids, namespace=namespace)).vectors
        records = [
            {"id": record.id, "values": record.values, "metadata": record.metadata}
            for record in found.values()
        ]
        patiently(lambda: target.upsert(vectors=records, namespace=namespace, show_progress=False))
        return len(records)

    names = list(source.describe_index_stats().namespaces)
    begun, moved, at_work = time.monotonic(), 0, set()
    with ThreadPoolExecutor(max(asked.threads, 1)) as threads:
        for name in names:
            for ids in pages(source, name):
                if asked.threads == 0:
                    moved += move(name, ids)
                    continue
                at_work.add(threads.submit(move, name, ids))
                if len(at_work) >= 2 * asked.threads:
                    done, at_work = wait(at_work, return_when=FIRST_COMPLETED)
                    moved += sum(one.result() for one in done)
        moved += sum(one.result() for one in at_work)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "records": moved,
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }))


main()
