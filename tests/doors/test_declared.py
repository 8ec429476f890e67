"""What integrations declare of themselves: webhooks, sources, buttons, widgets, templates, short links, bots."""

from __future__ import annotations

import pytest
from django.test import Client

from crm_core.doors.amocrm.models import Stored
from crm_platform.events.models import Event
from tests.doors.conftest import Program, program_of
from tests.doors.test_catalogs import first, rows
from tests.doors.test_records import made
from tests.factories.cast import person

HOOK = {"id", "destination", "created_at", "updated_at", "account_id", "created_by", "sort", "disabled", "settings"}


def test_webhooks_are_subscribed_and_taken_back(api: Program, doors, make_door) -> None:
    body = {"destination": "https://hooks.example.com/in", "settings": ["add_lead", "status_lead"], "sort": 10, "junk": None}
    answer = api.post("webhooks", body)
    assert (answer.status_code, answer.json().keys() >= HOOK, answer.json()["settings"], answer.json()["disabled"]) == (201, True, ["add_lead", "status_lead"], False)
    again = api.post("webhooks", [{**body, "settings": ["add_lead"], "sort": None}]).json()
    assert (again["id"], again["settings"]) == (answer.json()["id"], ["add_lead"])
    listed = api.get("webhooks?filter[destination]=https://hooks.example.com/in").json()
    assert (listed["_total_items"], listed["_embedded"]["webhooks"][0].keys() >= HOOK) == (1, True)
    assert api.get("webhooks?filter[destination]=https://other.example").status_code == 204
    for wrong in ({}, {**body, "settings": []}, {**body, "settings": ["spoons"]}, {**body, "destination": "ftp://x"}, {**body, "destination": "http://10.0.0.1/"}, {**body, "settings": "x"}):
        assert api.post("webhooks", wrong).status_code == 400, wrong
    with doors.unit():
        mia = person("manager", name="Mia").email
    assert [program_of(doors, mia).get("webhooks").status_code, program_of(doors, mia).post("webhooks", body).status_code] == [403, 403]
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert [stranger.get("webhooks").status_code, stranger.delete("webhooks", {"destination": body["destination"]}).status_code] == [204, 404]
    assert [api.delete("webhooks", {"destination": body["destination"]}).status_code, api.delete("webhooks", {"destination": body["destination"]}).status_code, api.get("webhooks").status_code] == [204, 404, 204]


def test_sources(api: Program) -> None:
    pipeline = rows(api, "leads/pipelines")[0]["id"]
    body = {"name": "Site", "external_id": "ext-1", "services": [{"type": "whatsapp", "params": {"waba": True}, "pages": [{"id": "1", "name": "A", "link": "+1"}]}], "request_id": 9, "pipeline_id": None}
    source = first(api.post("sources", [body]))
    assert source.keys() >= {"id", "name", "pipeline_id", "external_id", "default", "origin_code", "services", "request_id", "_links"}
    assert (source["pipeline_id"], source["external_id"], source["services"]) == (pipeline, "ext-1", body["services"])
    assert [row["id"] for row in rows(api, "sources?filter[external_id][]=ext-1")] == [source["id"]]
    assert api.get("sources?filter[external_id]=none").status_code == 204
    assert first(api.patch("sources", [{"id": source["id"], "name": "Shop"}]))["name"] == "Shop"
    assert api.patch(f"sources/{source['id']}", {"default": True}).json()["default"] is True
    for wrong in ({"name": "x"}, {"name": "x", "external_id": "ext-1"}, {"name": "x", "external_id": "y", "pipeline_id": 999}, {"name": "x", "external_id": "y", "services": "z"}):
        assert api.post("sources", [{"name": "fine", "external_id": "fine"}, wrong]).status_code == 400, wrong
    second = first(api.post("sources", [{"name": "B", "external_id": "b"}]))
    assert api.patch(f"sources/{second['id']}", {"external_id": "ext-1"}).status_code == 400
    assert api.delete("sources", [{"id": source["id"]}, {"id": 999}]).status_code == 400
    assert [api.delete("sources", [{"id": source["id"]}]).status_code, api.delete(f"sources/{second['id']}").status_code, api.get("sources").status_code, api.get(f"sources/{second['id']}").status_code] == [204, 204, 204, 404]


def test_buttons_and_widgets(api: Program) -> None:
    answer = api.post("website_buttons", {"pipeline_id": None, "trusted_websites": ["shop.example"], "request_id": "b"})
    assert (answer.status_code, answer.json().keys()) == (202, {"source_id", "trusted_websites", "request_id"})
    pk = answer.json()["source_id"]
    told = api.patch(f"website_buttons/{pk}", {"trusted_websites": {"add": ["other.example"]}, "name": "Ask"}).json()
    assert (told["trusted_websites"], told["name"], told["source_id"]) == (["shop.example", "other.example"], "Ask", pk)
    assert api.post(f"website_buttons/{pk}/online_chat", None).status_code == 202
    assert api.get(f"website_buttons/{pk}?with=scripts").json().keys() >= {"source_id", "button_id", "pipeline_id", "name", "creation_status", "scripts"}
    assert [len(rows(api, "website_buttons")), api.get("website_buttons/999").status_code, api.post("website_buttons/999/online_chat", None).status_code] == [1, 404, 404]
    installed = api.post("widgets/my_widget", {"login": "x"})
    assert (installed.status_code, installed.json()["code"], installed.json()["settings"]) == (200, "my_widget", {"login": "x"})
    assert api.post("widgets/my_widget", {"key": "y"}).json()["settings"] == {"login": "x", "key": "y"}
    assert rows(api, "widgets")[0].keys() >= {"id", "code", "version", "rating", "settings_template", "is_lead_source", "is_work_with_dp", "is_crm_template", "client_uuid", "is_active_in_account", "pipeline_id"}
    assert [api.delete("widgets/my_widget").status_code, api.get("widgets/my_widget").status_code, api.delete("widgets/my_widget").status_code, api.get("widgets").status_code] == [204, 404, 404, 204]


def test_templates_and_their_reviews(api: Program) -> None:
    body = {"name": "Hello", "content": "Hello {{contact.name}}", "external_id": "t1", "buttons": [{"type": "inline", "text": "Yes"}], "attachment": None, "is_editable": True, "request_id": "q"}
    template = first(api.post("chats/templates", [body]))
    assert template.keys() >= {"id", "name", "content", "created_at", "updated_at", "external_id", "is_editable", "buttons", "attachment", "type", "is_on_review", "review_status", "request_id"}
    one = f"chats/templates/{template['id']}"
    review = first(api.post(f"{one}/review", None))
    assert (review["status"], api.get(one).json()["is_on_review"]) == ("review", True)
    assert api.post(f"{one}/review/{review['id']}", {"status": "rejected", "reject_reason": "no"}).json()["reject_reason"] == "no"
    told = rows(api, "chats/templates?filter[external_id][]=t1&with=reviews")[0]
    assert (told["review_status"], told["_embedded"]["reviews"][0]["status"]) == ("rejected", "rejected")
    assert api.post(f"{one}/review/{review['id']}", {"status": "spoons"}).status_code == 400
    assert first(api.patch("chats/templates", [{"id": template["id"], "name": "Bye"}]))["name"] == "Bye"
    for wrong in ({"name": "x"}, {"name": "x", "content": "y", "type": "fax"}, {"name": "x", "content": "y", "buttons": {"a": 1}}, {"name": "x", "content": "y", "attachment": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}):
        assert api.post("chats/templates", [wrong]).status_code == 400, wrong
    assert [api.delete("chats/templates", [{"id": template["id"]}]).status_code, api.get(one).status_code, api.get("chats/templates").status_code] == [204, 404, 204]


def test_short_links_lead_where_they_should(api: Program, make_door) -> None:
    (anna,) = made(api, "contacts", {"name": "Anna"})
    told = first(api.post("short_links", [{"url": "https://shop.example/a?b=1", "metadata": {"entity_type": "contacts", "entity_id": anna}}, {"url": "https://shop.example/", "metadata": None}]))
    assert (told["entity_id"], told["entity_type"], told.keys() >= {"url", "account_id"}) == (anna, "contacts", True)
    path = "/" + told["url"].partition("//")[2].partition("/")[2]
    anybody: Client = api.client
    answer = anybody.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/a?b=1")
    stranger = make_door(firm="Eve & Co", email="eve@elsewhere.example").client(email=None)
    assert [stranger.get(path).status_code, anybody.get("/l/nothing").status_code, anybody.post(path).status_code] == [404, 404, 405]
    for wrong in ({}, {"url": "javascript:alert(1)"}, {"url": "https://x.example/a b"}, {"url": "https://x.example", "metadata": {"entity_type": "contacts", "entity_id": 999}}):
        assert api.post("short_links", [wrong]).status_code == 400, wrong


def test_bots_are_kept_and_announced(api: Program, doors) -> None:
    bot = first(api.post("bots", [{"name": "Greeter"}]))["id"]
    (lead,) = made(api, "leads", {})
    assert api.post(f"bots/{bot}/run", {"entity_id": lead, "entity_type": "leads"}).status_code == 202
    assert api.post("/api/v2/salesbot/run", [{"bot_id": bot, "entity_id": lead, "entity_type": "2"}]).status_code == 202
    with doors.unit():
        assert Event.objects.filter(name="bot_run.added").count() == 2
        run = Stored.objects.filter(kind="bot_run").earliest("pk").pk
    assert api.post(f"salesbot/{bot}/continue/{run}", {"data": {"status": "success"}, "execute_handlers": [{"handler": "show"}]}).status_code == 202
    assert [api.post(f"salesbot/{bot + 1}/continue/{run}", {}).status_code, api.post(f"salesbot/{bot}/continue/999", {}).status_code] == [404, 404]
    assert [api.post(f"bots/{bot}/stop", {"entity_id": lead, "entity_type": "leads"}).status_code, api.post(f"bots/{bot}/stop", {"entity_id": lead}).status_code] == [202, 404]
    for wrong in ({"entity_id": 999, "entity_type": "leads"}, {"entity_id": lead, "entity_type": "spoons"}, {}):
        assert api.post(f"bots/{bot}/run", wrong).status_code == 400, wrong
    assert [row["name"] for row in rows(api, "bots")] == ["Greeter"]


@pytest.mark.parametrize(("path", "body"), [("sources", [{"name": "A", "external_id": "a"}]), ("chats/templates", [{"name": "A", "content": "b"}]), ("website_buttons", {}), ("bots", [{"name": "A"}])])
def test_declaring_is_for_administrators_and_for_ones_own_workspace(api: Program, doors, make_door, count_statements, path: str, body: object) -> None:
    told = api.post(path, body).json()
    pk = told.get("source_id") or next(iter(told["_embedded"].values()))[0]["id"]
    with doors.unit():
        mia = person("manager", name="Mia").email
    manager = program_of(doors, mia)
    assert [manager.get(f"{path}/{pk}").status_code, manager.post(path, body).status_code, manager.patch(f"{path}/{pk}", {"name": "x"}).status_code, manager.delete(f"{path}/{pk}").status_code] == [200, 403, 403, 403]
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert [stranger.get(path).status_code, stranger.get(f"{path}/{pk}").status_code, stranger.patch(f"{path}/{pk}", {"name": "x"}).status_code, stranger.delete(f"{path}/{pk}").status_code] == [204, 404, 404, 404]
    api.get(path)
    with count_statements() as one:
        api.get(path)
    for mark in "xy":
        more = body[0] | {"name": mark, "external_id": mark} if isinstance(body, list) else {}
        assert api.post(path, [more] if isinstance(body, list) else more).status_code in (200, 202)
    api.get(path)
    with count_statements() as three:
        assert len(rows(api, path)) == 3
    assert one() == three()
