"""What the scripts of the stores share: an embedding that is the same on every machine, and texts.

    python SCRIPT.py CONTROL_PLANE KEY

A text's vector counts its words, each at a place that its letters choose, so texts with common words are close.
"""

import faulthandler
import os
import sys
import time
import warnings
import zlib

warnings.simplefilter("ignore")
# A script that hangs ends and says where.
faulthandler.dump_traceback_later(60, exit=True)

# All that an application says of the emulator.
os.environ["PINECONE_CONTROLLER_HOST"], os.environ["PINECONE_API_KEY"] = sys.argv[1:3]

import pinecone  # noqa: E402

# No two of the words below have the same place.
DIMENSION = 133
SERVERLESS = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
DEADLINE = 20

TEXTS = {
    "whale": "white whale swims in deep sea",
    "ship": "old ship sails over deep sea",
    "harbour": "old ship rests in harbour",
    "bread": "bread and butter for breakfast",
    "cake": "cake and coffee for an afternoon",
}
KINDS = {"whale": "sea", "ship": "sea", "harbour": "sea", "bread": "kitchen", "cake": "kitchen"}


def place(word):
    return zlib.crc32(word.encode()) % DIMENSION


def vector(text):
    values = [0.0] * DIMENSION
    for word in text.split():
        values[place(word)] += 1.0
    return values


def sparse(text):
    """The same counts as a sparse vector."""
    return {place(word): text.split().count(word) * 1.0 for word in text.split()}


def create(name, metric="cosine", **more):
    """Creates an index and waits until it is ready; the SDK's own waiting looks every five seconds."""
    pc = pinecone.Pinecone()
    pc.create_index(name=name, metric=metric, spec=SERVERLESS, timeout=-1, **more)
    end = time.monotonic() + DEADLINE
    while not pc.describe_index(name).status.ready:
        assert time.monotonic() < end, f"{name} is not ready within {DEADLINE} s"
        time.sleep(0.02)
    return pc.Index(name)


def counts(index):
    """Records by namespace, as the stats tell them."""
    return {name: summary.vector_count for name, summary in index.describe_index_stats().namespaces.items()}


def refused(status, call, *arguments, **more):
    try:
        answer = call(*arguments, **more)
    except pinecone.exceptions.PineconeApiException as error:
        assert error.status == status, error
        return error
    raise AssertionError(f"expected {status}, got an answer: {answer}")
