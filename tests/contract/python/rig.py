"""What the scripts share: clients of the SDK that is installed, and words that mean the same for both of them.

    python SCRIPT.py rest|grpc CONTROL_PLANE FOLDER

The emulator holds the pod index `old-pod` (dimension 3, cosine; `pod-0` to `pod-19`, metadata `n` and `kind`) and
nothing else. A script that fails an assertion ends with a traceback.
"""

import faulthandler
import struct
import sys
import time
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
# A script that hangs ends and says where.
faulthandler.dump_traceback_later(60, exit=True)

import pinecone  # noqa: E402

WIRE, CONTROL, FOLDER = sys.argv[1:4]
SDK = int(version("pinecone").split(".")[0])
GRPC = WIRE == "grpc"
KEY = "contract-key"
POD = "old-pod"
SERVERLESS = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
DEADLINE = 20


def project(key=KEY):
    """A client of the control plane, which speaks REST on either wire."""
    if SDK >= 10:
        return pinecone.Pinecone(api_key=key, host=CONTROL, grpc_scheme="http")
    if GRPC:
        from pinecone.grpc import PineconeGRPC

        return PineconeGRPC(api_key=key, host=CONTROL)
    return pinecone.Pinecone(api_key=key, host=CONTROL)


pc = project()


def index(name, client=None):
    """A client of the data plane of an index, on the wire that is asked for."""
    client = client or pc
    host = (client if client is pc else pc).describe_index(name).host
    if not GRPC:
        return client.Index(host=host)
    if SDK >= 10:
        # The scheme is for the imports of this client, which speak REST; gRPC has its own (`grpc_scheme`).
        return client.index(host=host, grpc=True)
    from pinecone.grpc import GRPCClientConfig

    bare = host.split("://")[-1]
    return client.Index(host=bare, grpc_config=GRPCClientConfig(secure=False))


def create(name, metric="cosine", spec=SERVERLESS, **more):
    """Creates an index and waits until it is ready; the SDKs' own waiting looks every five seconds."""
    pc.create_index(name=name, metric=metric, spec=spec, timeout=-1, **more)
    until(f"{name} is ready", lambda: pc.describe_index(name).status.ready)


def drop(name):
    pc.delete_index(name, timeout=-1)


def serverless(name, dimension=3, **more):
    """Creates a serverless index and returns a client of its data plane."""
    create(name, dimension=dimension, **more)
    return index(name)


def sparse(name):
    create(name, metric="dotproduct", vector_type="sparse")
    return index(name)


def upsert(target, vectors, namespace=""):
    return target.upsert(vectors=vectors, namespace=namespace, show_progress=False)


def numbered(count, prefix="id-"):
    """Records of three components; the metadata is made from their number."""
    return [
        {
            "id": f"{prefix}{n:03}",
            "values": [1.0, float(n), 2.0],
            "metadata": {"n": n, "parity": "even" if n % 2 == 0 else "odd", "tags": [f"t{n % 3}", "all"]},
        }
        for n in range(count)
    ]


def counts(target, **more):
    """Records by namespace, as the stats tell them."""
    stats = target.describe_index_stats(**more)
    return {name: summary.vector_count for name, summary in stats.namespaces.items()}


def listed(target, **more):
    """Pages of ids until the last."""
    pages = []
    for page in target.list(**more):
        items = page.vectors if hasattr(page, "vectors") else page
        pages.append([item if isinstance(item, str) else item.id for item in items])
    return [page for page in pages if page]


def fetch(target, ids, namespace=""):
    return target.fetch(ids=ids, namespace=namespace).vectors


def found(target, **query):
    """The ids of a query's matches, best first."""
    return [match.id for match in target.query(**query).matches]


def metadata(record):
    return dict(record.metadata or {})


def until(what, is_so):
    """Asks until the answer is yes; a script has no other way to wait."""
    end = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {DEADLINE} s"
        time.sleep(0.02)


def bits(values):
    """The 32-bit floats that numbers stand for: JSON writes the shortest digits that mean the same float."""
    return [struct.unpack("<I", struct.pack("<f", value))[0] for value in values]


# The gRPC codes that stand for an HTTP status of the data plane.
CODES = {400: {"INVALID_ARGUMENT", "OUT_OF_RANGE"}, 401: {"UNAUTHENTICATED"}, 404: {"NOT_FOUND"},
         409: {"ALREADY_EXISTS"}, 413: {"OUT_OF_RANGE"}}


def refused(status, call, *arguments, **more):
    """Calls what the service has to refuse with `status` (over gRPC: with a code for it); returns the error."""
    try:
        answer = call(*arguments, **more)
    except Exception as error:
        told = status_of(error)
        is_right = told == status or told in CODES.get(status, ())
        # SDK 10 has no class, and so no code, for gRPC's OUT_OF_RANGE.
        is_right |= (told, status) == (None, 413) and "too large" in str(error)
        assert is_right, f"expected {status}, got {told}: {type(error).__name__}: {error}"
        return error
    raise AssertionError(f"expected {status}, got an answer: {answer}")


def refused_somewhere(status, call, *arguments, **more):
    """The same for what an SDK may refuse itself, before anything is sent."""
    try:
        return refused(status, call, *arguments, **more)
    except AssertionError as wrong:
        own = wrong.__context__
        if isinstance(own, (ValueError, TypeError)) and status_of(own) is None:
            return own
        raise


def status_of(error):
    """An HTTP status or the name of a gRPC code; None where the SDK itself refused."""
    for name in ("status_code", "status"):
        if isinstance(getattr(error, name, None), int):
            return getattr(error, name)
    # SDK 8 keeps gRPC's own error as the cause.
    code = getattr(error.__cause__, "code", None)
    return code().name if callable(code) else None


def close(a, b, tolerance=1e-5):
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
