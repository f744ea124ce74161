"""Bulk import of Parquet from a folder: start, describe, list, cancel; namespaces are its subfolders."""

from rig import FOLDER, GRPC, POD, SDK, counts, fetch, index, metadata, refused, serverless, status_of, until

target = serverless("imported")
# SDK 8 has the operation on its REST client only.
if GRPC and SDK < 10:
    raise SystemExit(0)


def finished(identity, of=target):
    return of.describe_import(identity).status in ("Completed", "Failed", "Cancelled")


def imported():
    identity = target.start_import(uri=f"file://{FOLDER}/import").id
    until("the import ends", lambda: finished(identity))
    told = target.describe_import(identity)
    assert told.status == "Completed", told
    assert int(told.records_imported) == 30 and float(told.percent_complete) == 100.0, told
    assert counts(target) == {"one": 20, "two": 10}, counts(target)
    record = fetch(target, ["row-3"], "one")["row-3"]
    assert list(record.values) == [3.0, 1.0, 0.5], record
    assert metadata(record) == {"n": 3, "tags": ["a", "b"]}, record
    return identity


def listed(identity):
    assert identity in [item.id for item in target.list_imports()]
    page = target.list_imports_paginated(limit=1)
    assert len(list(page.data if SDK < 10 else page)) == 1, page


def failing():
    identity = target.start_import(uri=f"file://{FOLDER}/import-with-a-wrong-record", error_mode="ABORT").id
    until("the import ends", lambda: finished(identity))
    told = target.describe_import(identity)
    assert told.status == "Failed" and told.error, told
    # Imports make their namespaces, so this one needs an index of its own.
    other = serverless("patient")
    identity = other.start_import(uri=f"file://{FOLDER}/import-with-a-wrong-record", error_mode="CONTINUE").id
    until("the import ends", lambda: finished(identity, other))
    told = other.describe_import(identity)
    assert told.status == "Completed" and int(told.records_imported) == 1, told


def cancelled():
    """It may have ended before: then it stays what it was."""
    identity = serverless("stopped").start_import(uri=f"file://{FOLDER}/import").id
    stopped = index("stopped")
    try:
        stopped.cancel_import(identity)
    except Exception as error:
        assert status_of(error) == 400, error
    until("the import ends", lambda: finished(identity, stopped))
    assert stopped.describe_import(identity).status in ("Cancelled", "Completed")


def refusals():
    refused(404, target.describe_import, "999")
    refused(404, index(POD).list_imports_paginated)


done = imported()
listed(done)
failing()
cancelled()
refusals()
