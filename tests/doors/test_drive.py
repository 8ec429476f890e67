"""Files through the open API: they come part by part, lie on records, and are found again."""

from __future__ import annotations

from typing import Any

from crm_core.groundwork.attachments.models import Attachment
from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person

FILE = {
    "uuid", "version_uuid", "name", "sanitized_name", "size", "type", "is_trashed", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "source_id", "metadata", "previews",
    "has_multiple_versions", "_links",
}  # fmt: skip


def uploaded(api: Program, content: bytes = b"hello", name: str = "note.txt") -> dict[str, Any]:
    answer = api.post("/v1.0/sessions", {"file_name": name, "file_size": len(content), "content_type": "text/plain", "with_preview": False, "file_uuid": None})
    assert answer.status_code == 200, answer.content
    session = answer.json()
    assert session.keys() >= {"session_id", "upload_url", "max_file_size", "max_part_size"}
    url, told = session["upload_url"], dict[str, Any]()
    for at in range(0, len(content), session["max_part_size"]):
        answer = api.send("POST", path(url), content[at : at + session["max_part_size"]])
        assert answer.status_code == 200, answer.content
        told = answer.json()
        url = told.get("next_url", "")
    return told


def path(url: str) -> str:
    return "/" + url.partition("//")[2].partition("/")[2]


def uuids(api: Program, query: str = "") -> list[str]:
    answer = api.get(f"/v1.0/files{query}")
    return [row["uuid"] for row in answer.json()["_embedded"]["files"]] if answer.status_code == 200 else []


def test_a_file_comes_in_parts_and_goes_out_whole(api: Program, doors) -> None:
    content = bytes(range(256)) * 4000  # two parts
    told = uploaded(api, content, "photo of me.png")
    assert (told.keys() >= FILE, told["name"], told["size"], told["type"], told["metadata"]) == (True, "photo of me", len(content), "image", {"extension": "png", "mime_type": "image/png"})
    at = f"/v1.0/files/{told['uuid']}"
    assert api.get(at).json() == told
    answer = api.get(path(told["_links"]["download"]["href"]))
    assert (b"".join(answer.streaming_content), answer["X-Content-Type-Options"]) == (content, "nosniff")
    assert api.get(f"{at}/versions").json()["_embedded"]["versions"][0]["uuid"] == told["uuid"]
    assert api.patch(at, {"name": "other"}).json()["name"] == "other"
    second = uploaded(api, b"x", "b.txt")
    assert uuids(api, f"?filter[uuid]={told['uuid']},{second['uuid']}") == [second["uuid"], told["uuid"]]
    assert uuids(api, "?filter[extensions][]=png") == uuids(api, "?filter[term]=OTHER") == uuids(api, "?filter[size][unit]=kb&filter[size][from]=1") == [told["uuid"]]
    assert api.delete("/v1.0/files", [{"uuid": told["uuid"]}]).status_code == 204
    assert (uuids(api), uuids(api, "?filter[deleted]=true"), api.get(at).json()["is_trashed"]) == ([second["uuid"]], [told["uuid"]], True)
    assert api.post("/v1.0/files/restore", [{"uuid": told["uuid"]}]).status_code == 200
    assert len(uuids(api)) == 2
    assert api.get("account?with=drive_url").json()["drive_url"] == told["_links"]["self"]["href"].partition("/v1.0")[0]


def test_what_is_wrong_with_a_file_is_told(api: Program, doors) -> None:
    for wrong in ({}, {"file_name": "a"}, {"file_name": "a", "file_size": 0}, {"file_name": "a", "file_size": 2**40}, {"file_name": {}, "file_size": 1}):
        answer = api.post("/v1.0/sessions", wrong)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), wrong
    url = path(api.post("/v1.0/sessions", {"file_name": "a", "file_size": 4}).json()["upload_url"])
    assert [api.send("POST", url, body).status_code for body in (b"", b"12345")] == [400, 400]
    next_url = path(api.send("POST", url, b"12").json()["next_url"])
    assert path(api.send("POST", url, b"12").json()["next_url"]) == next_url  # a part that is sent twice is taken once
    assert api.send("POST", next_url.replace("/1", "/2"), b"34").status_code == 404
    assert api.send("POST", next_url, b"34").json()["size"] == 4
    assert [api.send("POST", next_url, b"34").status_code, api.get("/v1.0/files/00000000-0000-4000-8000-000000000001").status_code] == [404, 404]
    assert [api.delete("/v1.0/files", [{"uuid": "x"}]).status_code, api.patch(f"/v1.0/files/{uuids(api)[0]}", {"name": ""}).status_code] == [400, 400]
    assert api.post("/v1.0/sessions", {"file_name": "a", "file_size": 4}).status_code == 200
    with doors.unit():
        assert Attachment.objects.count() == 1


def test_files_lie_on_records(api: Program, doors) -> None:
    (lead,), (anna,), (customer,) = made(api, "leads", {}), made(api, "contacts", {"name": "Anna"}), made(api, "customers", {"name": "C"})
    uuid = uploaded(api)["uuid"]
    assert api.get(f"leads/{lead}/files").status_code == 204
    for at in (f"leads/{lead}/files", f"contacts/{anna}/files", f"customers/{customer}/files", f"leads/{lead}/files"):
        assert api.send("PUT", at, [{"file_uuid": uuid}]).status_code == 202, at
        assert [row["file_uuid"] for row in api.get(at).json()["_embedded"]["files"]] == [uuid]
    with doors.unit():
        assert Attachment.objects.filter(entity="deal", record_id=lead).count() == 1
    links = api.get(f"files/{uuid}/links").json()["_embedded"]["links"]
    assert [(row["entity_type"], row["entity_id"]) for row in links] == [("leads", lead), ("contacts", anna), ("customers", customer)]
    assert api.send("PUT", f"leads/{lead}/files", [{"file_uuid": "x"}]).status_code == 400
    assert api.send("PUT", "leads/999/files", [{"file_uuid": uuid}]).status_code == 404
    for at in (f"contacts/{anna}/files", f"leads/{lead}/files", f"customers/{customer}/files"):
        assert api.delete(at, [{"file_uuid": uuid}]).status_code == 202
        assert api.get(at).status_code == 204, at
    assert (uuids(api), api.get(f"files/{uuid}/links").status_code) == ([uuid], 204)


def test_whose_files_they_are(api: Program, doors, make_door, count_statements) -> None:
    (lead,) = made(api, "leads", {})
    loose, laid = uploaded(api)["uuid"], uploaded(api)["uuid"]
    api.send("PUT", f"leads/{lead}/files", [{"file_uuid": laid}])
    with doors.unit():
        people = {role: person(role, name=role.title()).email for role in ("seller", "viewer")}
        bare = tokens.make_api_token(User.objects.select_related("role").get(role__code="owner"), name="bare", purpose=tokens.For(scopes=("crm",)))
    seller, viewer = (program_of(doors, people[role]) for role in ("seller", "viewer"))
    assert uuids(seller) == [loose]  # the lead is another's
    assert [seller.get(f"/v1.0/files/{laid}").status_code, seller.delete("/v1.0/files", [{"uuid": loose}]).status_code] == [404, 403]
    assert [viewer.patch(f"/v1.0/files/{laid}", {"name": "x"}).status_code, viewer.post("/v1.0/sessions", {"file_name": "a", "file_size": 1}).status_code] == [403, 403]
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert [stranger.get("/v1.0/files").status_code, stranger.get(f"/v1.0/files/{loose}").status_code, stranger.get(f"/v1.0/files/{loose}/download").status_code, stranger.get(f"files/{loose}/links").status_code] == [204, 404, 404, 404]
    assert Program(api.client, bare).get("/v1.0/files").status_code == 403
    assert api.client.get("/v1.0/files").status_code == 401
    api.get("/v1.0/files")
    with count_statements() as two:
        assert len(uuids(api)) == 2
    uploaded(api)
    api.get("/v1.0/files")
    with count_statements() as three:
        assert len(uuids(api)) == 3
    assert two() == three()
