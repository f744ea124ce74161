#!/usr/bin/env python3
"""Measures vecshift and Pinecone's official SDK side by side against `vecshift emulate`, and prints a table.

    cargo build --release
    python3 benches/contenders/run.py                      all rows, with the SDK in a virtual environment of its own
    python3 benches/contenders/run.py --rows one-1536      one row
    python3 benches/contenders/run.py --client 0,1 --emulator 2-9

The emulator is a process of its own, filled once a row; each contender copies into a target that is made for it. Every
row is also a JSON line on standard output. `--client` and `--emulator` pin both to processors of their own, without
which a loaded machine measures itself. Where there is no network, `--wheels` has the SDK:

    pip download --dest wheels pinecone==10.2.0

Linux only.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from datetime import datetime
from pathlib import Path

from rows import ROWS, scaled

HERE = Path(__file__).resolve().parent
SDK = "pinecone==10.2.0"
VERSION = "2025-10"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    built = os.environ.get("VECSHIFT", str(HERE.parent.parent / "target/release/vecshift"))
    parser.add_argument("--binary", default=built, help="default: $VECSHIFT, or what was built")
    parser.add_argument("--label", default="vecshift", help="what the binary is called in the rows")
    parser.add_argument("--rows", default="", help="names, with commas between; default: all")
    parser.add_argument("--contenders", default="", help="only these; default: those of the row")
    parser.add_argument("--client", default="", help="processors of the contenders: 0,1 or 2-9")
    parser.add_argument("--emulator", default="", help="processors of the emulator")
    parser.add_argument("--emulating", default="", help="the binary that emulates; default: --binary")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of each row's records")
    parser.add_argument("--python", default="", help="a Python that has the SDK; default: make one")
    parser.add_argument("--wheels", default="", help="a folder with the SDK's wheels, to be used without installing them")
    return parser.parse_args()


def python_with_sdk():
    """A virtual environment beside the other things that are built, made where it is missing."""
    place = HERE.parent.parent / "target/contenders"
    python = place / "bin/python"
    look = [python, "-c", "import pinecone"]
    if not python.exists() or subprocess.run(look, capture_output=True).returncode != 0:
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", SDK], check=True)
    return str(python)


def unpacked(wheels, folder):
    """The path of modules of those wheels that are for this Python: a wheel is an archive of what is installed."""
    own = f"cp{sys.version_info.major}{sys.version_info.minor}"
    for wheel in sorted(Path(wheels).glob("*.whl")):
        python, abi, _ = wheel.stem.split("-")[-3:]
        if abi in ("none", "abi3") or python == own:
            zipfile.ZipFile(wheel).extractall(folder)
    return str(folder)


def processors(text):
    ends = [part.split("-") for part in text.split(",") if part]
    return {number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)}


def pinned(text):
    """Keeps a process that is about to start to these processors."""
    return (lambda: os.sched_setaffinity(0, processors(text))) if text else None


def plan_of(row):
    stages = [
        f"  - kind: create\n    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: {row.dimension}, metric: cosine }}",
        "  - kind: copy\n    strategy: stream\n    assert: [copy.failed == 0, copy.complete == true]",
    ]
    if "verify" in row.beside:
        stages.append("  - kind: verify\n    compare: all\n    assert: [missing == 0, mismatched == 0, extra == 0]")
    if "snapshot" in row.beside:
        stages.append("  - kind: decommission\n    after: 1s\n    snapshot: file:snapshot\n    confirm: from\n    assert: [snapshot.complete == true]")
    faults = f"\n  faults: {{ latency: {row.latency}ms }}" if row.latency else ""
    limits = "" if row.limits else ", limits: none"
    return "\n".join([
        "version: 1",
        "name: bench",
        f"source: {{ provider: pinecone, index: from{limits} }}",
        f"target: {{ provider: pinecone, index: to{limits} }}",
        "writes: paused",
        "stages:",
        *stages,
        f"rehearsal:\n  source: {{ kind: {row.kind}, records: {row.records}, namespaces: {row.namespaces}, dimension: {row.dimension}, metric: cosine }}{faults}",
        "",
    ])


class Emulator:
    def __init__(self, asked, row, folder):
        (folder / "plan.yaml").write_text(plan_of(row))
        command = [asked.emulating or asked.binary, "emulate", "--listen", "127.0.0.1:0", "--json", "--world", str(folder / "plan.yaml")]
        command += [] if row.limits else ["--no-rate-limits"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=pinned(asked.emulator))
        ready = json.loads(self.process.stdout.readline())
        assert ready["records"] == row.records, ready
        self.url = ready["address"]

    def ask(self, method, path, host=None, body=None):
        headers = {"Api-Key": "bench", "X-Pinecone-Api-Version": VERSION, "Content-Type": "application/json"}
        request = urllib.request.Request((host or self.url) + path, method=method, headers=headers, data=body)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def arrived(self):
        host = self.ask("GET", "/indexes/to")["host"]
        return self.ask("POST", "/describe_index_stats", host, b"{}")["totalVectorCount"]

    def drop_target(self):
        self.ask("DELETE", "/indexes/to")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def timed(command, **options):
    """Runs a process to its end; what it printed, and the processor time and memory of it alone."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} failed with {process.returncode}:\n{out[-3000:]}\n{err[-3000:]}")
    return out, {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def when(event):
    return datetime.fromisoformat(event["at"].replace("Z", "+00:00")[:26] + "+00:00")


def by_vecshift(asked, row, emulator, folder):
    environment = {**os.environ, "PINECONE_CONTROLLER_HOST": emulator.url, "PINECONE_API_KEY": "bench", "NO_COLOR": "1"}
    state = folder / "state"
    command = [asked.binary, "run", str(folder / "plan.yaml"), "--json", "--state", str(state), "--confirm", "from"]
    out, used = timed(command, env=environment, cwd=folder, preexec_fn=pinned(asked.client))
    report = json.loads(out)["report"]
    stages = {stage["stage"]: stage for stage in report["stages"]}
    figures = stages["copy"]["figures"]
    seconds = row.records / stages["copy"]["copy"]["rate"]
    found = {**used, "seconds": seconds, "retries": figures["retries"], "stored_mb_per_s": figures["bytes"] / seconds / 1e6}
    if "verify" in stages:
        found["verify_records_per_s"] = row.records / stages["verify"]["seconds"]
    if "decommission" in stages:
        events = [json.loads(line) for line in next(state.rglob("journal.jsonl")).read_text().splitlines()]
        begun = next(event for event in events if event["event"] == "deletion_confirmed")
        ended = next(event for event in events if event.get("artifact", {}).get("name") == "snapshot")
        found["snapshot_records_per_s"] = row.records / (when(ended) - when(begun)).total_seconds()
    shutil.rmtree(state)
    return found


def by_sdk(asked, row, emulator, contender):
    kind, wire = contender.split("-")
    command = [asked.python, str(HERE / "sdk.py"), "--url", emulator.url, "--dimension", str(row.dimension)]
    command += ["--grpc"] if wire == "grpc" else []
    command += ["--threads", "8"] if kind == "threads" else []
    paths = {**os.environ, "PYTHONPATH": asked.modules} if asked.modules else None
    out, used = timed(command, env=paths, preexec_fn=pinned(asked.client))
    return {**json.loads(out.splitlines()[-1]), **used}


def measure(asked, row):
    folder = Path(tempfile.mkdtemp())
    emulator = Emulator(asked, row, folder)
    try:
        for contender in asked.contenders.split(",") if asked.contenders else row.contenders:
            before = emulator.cpu_seconds()
            if contender == "vecshift":
                found = by_vecshift(asked, row, emulator, folder)
            else:
                found = by_sdk(asked, row, emulator, contender)
            gigabytes = row.records * row.dimension * 4 / 1e9
            result = {
                "row": row.name, "contender": asked.label if contender == "vecshift" else contender,
                "dimension": row.dimension, "namespaces": row.namespaces, "latency_ms": row.latency, "limits": row.limits,
                "records": row.records, "lost": row.records - emulator.arrived(), "seconds": round(found["seconds"], 2),
                "records_per_s": round(row.records / found["seconds"]), "mb_per_s": round(gigabytes * 1000 / found["seconds"], 1),
                "cpu_s_per_gb": round(found["cpu_seconds"] / gigabytes, 2), "peak_mb": round(found["peak_mb"]),
                "emulator_cpu_s_per_gb": round((emulator.cpu_seconds() - before) / gigabytes, 2),
            }
            result |= {name: round(found[name]) for name in ("verify_records_per_s", "snapshot_records_per_s", "retries") if name in found}
            result |= {name: round(found[name], 1) for name in ("stored_mb_per_s",) if name in found}
            print(json.dumps(result), flush=True)
            yield result
            emulator.drop_target()
            time.sleep(0.3)
    finally:
        emulator.stop()
        shutil.rmtree(folder, ignore_errors=True)


def table(results):
    names = ["row", "contender", "records_per_s", "mb_per_s", "stored_mb_per_s", "cpu_s_per_gb", "peak_mb", "verify_records_per_s", "snapshot_records_per_s"]
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for result in results:
        yield "| " + " | ".join(str(result.get(name, "")) for name in names) + " |"


def main():
    asked = arguments()
    asked.binary, asked.emulating = (path and str(Path(path).resolve()) for path in (asked.binary, asked.emulating))
    wanted = [name for name in asked.rows.split(",") if name]
    rows = [scaled(row, asked.scale) for row in ROWS if not wanted or row.name in wanted]
    needs_sdk = asked.contenders != "vecshift" and any(set(row.contenders) - {"vecshift"} for row in rows)
    modules = tempfile.TemporaryDirectory()
    asked.modules = unpacked(asked.wheels, modules.name) if asked.wheels else ""
    if needs_sdk and not asked.python:
        asked.python = sys.executable if asked.wheels else python_with_sdk()
    print(json.dumps({"machine": platform.processor() or platform.machine(), "processors": os.cpu_count()}), flush=True)
    results = [result for row in rows for result in measure(asked, row)]
    print("\n".join(table(results)), file=sys.stderr)


main()
