"""Requests made from an OpenAPI file at random, and whether what comes back is what the file says.

    python fuzz.py FILE ADDRESS API_VERSION EXAMPLES SEED WORLD EXCLUDED...

`WORLD` is JSON: names and ids that are there. Half of those in requests are replaced by them, so that requests get
further than a 404. `EXCLUDED` are ids of operations that are not asked for.
"""

import json
import sys
from zlib import crc32

import schemathesis
from schemathesis.cli import schemathesis as command_line

FILE, ADDRESS, VERSION, EXAMPLES, SEED, WORLD, *EXCLUDED = sys.argv[1:]

# By name of the parameter.
WORLD = json.loads(WORLD)
# Where the emulator refuses on purpose with a status that the files do not list (docs/emulator.md says so).
AMENDED = [
    ("/indexes/{index_name}/backups", "post", "404"),
    ("/indexes/{index_name}/backups", "get", "400"),
    ("/backups", "get", "400"),
    ("/restore-jobs", "get", "400"),
]
IDS = ["a", "b", "id with space"]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path, method, status in AMENDED:
        if path in raw_schema["paths"]:
            answers = raw_schema["paths"][path][method]["responses"]
            assert status not in answers, f"{method} {path} lists {status} now"
            answers[status] = answers["500"]


def one_of(items, value):
    """An item of the list for half of the values, always the same one for the same value."""
    number = crc32(repr(value).encode())
    return items[number // 2 % len(items)] if items and number % 2 else value


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if isinstance(path_parameters, dict):
        return {name: one_of(WORLD.get(name, []), value) for name, value in path_parameters.items()}
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    if isinstance(query, dict):
        if "namespace" in query:
            query["namespace"] = one_of(WORLD["namespace"], query["namespace"])
        if isinstance(query.get("ids"), list):
            query["ids"] = [one_of(IDS, value) for value in query["ids"]]
    return query


def fitting(value):
    """A vector of the index's three components."""
    numbers = [item for item in value if isinstance(item, (int, float)) and not isinstance(item, bool)]
    return (numbers + [0.5, 1.5, 2.5])[:3]


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    if "namespace" in body:
        body["namespace"] = one_of(WORLD["namespace"], body["namespace"])
    if isinstance(body.get("id"), str):
        body["id"] = one_of(IDS, body["id"])
    if isinstance(body.get("source"), str):
        body["source"] = one_of(["old-pod", "kept"], body["source"])
    for record in [body, *(body["vectors"] if isinstance(body.get("vectors"), list) else [])]:
        if isinstance(record, dict):
            for name in ("values", "vector"):
                if isinstance(record.get(name), list) and crc32(repr(record[name]).encode()) % 2:
                    record[name] = fitting(record[name])
    return body


CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]

arguments = ["run", FILE, "--url", ADDRESS, "--checks", ",".join(CHECKS)]
arguments += ["--header", "Api-Key: any", "--header", f"X-Pinecone-Api-Version: {VERSION}"]
arguments += ["--max-examples", EXAMPLES, "--seed", SEED, "--phases", "examples,coverage,fuzzing"]
arguments += ["--no-shrink", "--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off"]
for operation in EXCLUDED:
    arguments += ["--exclude-operation-id", operation]
command_line(arguments)
