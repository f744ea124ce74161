"""Keys and words: a wrong key is refused on both planes, and a refusal's text reaches the user."""

from rig import index, pc, project, refused, serverless, upsert

target = serverless("errors")


def wrong_keys():
    stranger = project(key="wrong")
    refused(401, stranger.list_indexes)
    refused(401, stranger.describe_index, "errors")
    refused(401, upsert, index("errors", stranger), [("a", [1.0, 2.0, 3.0])])
    assert not target.fetch(ids=["a"]).vectors


def words():
    told = str(refused(400, upsert, target, [("a", [1.0, 2.0])]))
    assert "dimension" in told and "3" in told, told
    told = str(refused(404, pc.describe_index, "absent"))
    assert "absent" in told, told
    told = str(refused(403, protected))
    assert "protection" in told.lower(), told


def protected():
    pc.configure_index("errors", deletion_protection="enabled")
    try:
        pc.delete_index("errors", timeout=-1)
    finally:
        pc.configure_index("errors", deletion_protection="disabled")


def a_refusal_changes_nothing():
    mixed = [("right", [1.0, 2.0, 3.0]), ("wrong", [1.0])]
    refused(400, upsert, target, mixed)
    assert not target.fetch(ids=["right"]).vectors


wrong_keys()
words()
a_refusal_changes_nothing()
