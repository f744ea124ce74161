"""The rows of docs/PERFORMANCE.md: which index is copied, over which network, and by whom."""

from dataclasses import dataclass, replace

ALL = ("vecshift", "loop-rest", "loop-grpc", "threads-grpc")


@dataclass(frozen=True)
class Row:
    name: str
    records: int
    dimension: int
    namespaces: int
    # Milliseconds that the emulator waits before each answer of the data plane.
    latency: int
    # Whether there are the documented rate limits. Without them the plan says so: `limits: none`.
    limits: bool = True
    contenders: tuple = ("vecshift",)
    # What a run does beside the copy: `verify`, and `snapshot` before the source is deleted.
    beside: tuple = ()
    kind: str = "serverless"


ROWS = [
    Row("one-1536", 80_000, 1536, 1, 20, contenders=("vecshift", "threads-grpc")),
    Row("one-3072", 20_000, 3072, 1, 20, contenders=("vecshift", "loop-grpc", "threads-grpc")),
    Row("many-384", 300_000, 384, 16, 20),
    Row("many-1536", 40_000, 1536, 16, 20, contenders=("vecshift", "loop-grpc", "threads-grpc")),
    Row("raised-1536", 60_000, 1536, 16, 20, limits=False, contenders=("vecshift", "loop-grpc", "threads-grpc")),
    Row("free-1536", 80_000, 1536, 16, 0, limits=False, contenders=("vecshift", "loop-grpc", "threads-grpc")),
    Row("free-3072", 40_000, 3072, 12, 0, limits=False),
    Row("far-1536", 40_000, 1536, 16, 50, limits=False),
    Row("pod-1536", 40_000, 1536, 16, 0, kind="pod", limits=False),
    Row("beside-1536", 40_000, 1536, 16, 0, limits=False, beside=("verify", "snapshot")),
    Row("memory-50k", 50_000, 128, 16, 0, limits=False),
    Row("memory-1m", 1_000_000, 128, 16, 0, limits=False),
]


def scaled(row, by):
    """The same with fewer records, for a quick look; what it says of rates is then worth less."""
    return replace(row, records=max(row.namespaces * 10, int(row.records * by)))
