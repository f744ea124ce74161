"""Backups of a serverless index: create, list with its pages, describe, restore, delete; restore jobs."""

from rig import POD, SDK, counts, fetch, index, metadata, numbered, pc, refused, serverless, until, upsert

target = serverless("kept", tags={"team": "search"})
upsert(target, numbered(12), "a")
upsert(target, numbered(3), "b")


def made(name):
    backup = pc.create_backup(index_name="kept", backup_name=name, description="before the change")
    assert backup.source_index_name == "kept", backup
    until("the backup is ready", lambda: pc.describe_backup(backup_id=backup.backup_id).status == "Ready")
    return backup.backup_id


def described(identity):
    told = pc.describe_backup(backup_id=identity)
    assert (told.name, told.description) == ("first", "before the change"), told
    assert (told.cloud, told.region) == ("aws", "us-east-1"), told
    assert (told.record_count, told.namespace_count) == (15, 2), told
    if SDK < 10:
        assert (told.dimension, told.metric) == (3, "cosine"), told


def listed(first):
    others = [made(f"more-{n}") for n in range(2)]
    everything = {backup.backup_id for backup in pc.list_backups()}
    assert everything == {first, *others}, everything
    of_index = {backup.backup_id for backup in pc.list_backups(index_name="kept")}
    assert of_index == everything
    page = pc.list_backups(limit=2)
    ids = [backup.backup_id for backup in page]
    page = pc.list_backups(limit=2, pagination_token=page.pagination.next)
    ids += [backup.backup_id for backup in page]
    assert sorted(ids) == sorted(everything), ids
    for other in others:
        pc.delete_backup(backup_id=other)


def restored(identity):
    # What came after the backup is not in it.
    upsert(target, numbered(5), "later")
    pc.create_index_from_backup(name="again", backup_id=identity, tags={"from": "backup"})
    copy = index("again")
    assert counts(copy) == {"a": 12, "b": 3}, counts(copy)
    record = fetch(copy, ["id-004"], "a")["id-004"]
    assert list(record.values) == [1.0, 4.0, 2.0] and metadata(record)["n"] == 4, record
    jobs = list(pc.list_restore_jobs())
    assert len(jobs) == 1, jobs
    job = pc.describe_restore_job(job_id=jobs[0].restore_job_id)
    assert (job.backup_id, job.target_index_name) == (identity, "again"), job
    assert job.status == "Completed", job
    refused(409, pc.create_index_from_backup, name="again", backup_id=identity)


def refusals(identity):
    refused(404, pc.describe_backup, backup_id="00000000-0000-4000-8000-000000000000")
    refused(404, pc.create_index_from_backup, name="n", backup_id="00000000-0000-4000-8000-000000000000")
    refused(404, pc.describe_restore_job, job_id="00000000-0000-4000-8000-000000000000")
    refused(400, pc.create_backup, index_name=POD, backup_name="pod")
    pc.delete_backup(backup_id=identity)
    refused(404, pc.delete_backup, backup_id=identity)
    assert not list(pc.list_backups())


first = made("first")
described(first)
listed(first)
restored(first)
refusals(first)
