"""Incoming leads through the open API: taken in, decided, and within the same rules as the inbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.held import services as held
from billing.held.models import HeldLead
from crm_core.sales.deals.models import Deal
from crm_core.sales.incoming import reading_job, sources
from crm_core.sales.incoming.models import IncomingLead, LeadSource, LeadState
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person

PERSON = {"first_name": "Anna", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+31205550188", "enum_code": "WORK"}]}]}


def form(**more: Any) -> dict[str, Any]:
    return {
        "source_uid": "site-1", "source_name": "Our site", "metadata": {"form_id": "f", "form_name": "Order", "form_page": "https://x.example/", "form_sent_at": 1_700_000_000, "ip": "127.0.0.1"},
        "_embedded": {"leads": [{"name": "Bread", "price": 30}], "contacts": [PERSON], "companies": [{"name": "Bakery"}]}, **more,
    }  # fmt: skip


def test_a_lead_from_a_form_waits_and_is_accepted(api: Program, doors) -> None:
    answer = api.post("leads/unsorted/forms", [form(request_id="q")])
    assert answer.status_code == 200, answer.content
    told = answer.json()
    (row,) = told["_embedded"]["unsorted"]
    assert (told["_total_items"], row["request_id"], row.keys() >= {"uid", "account_id", "_embedded"}) == (1, "q", True)
    (waits,) = api.get("leads/unsorted?filter[category][]=forms").json()["_embedded"]["unsorted"]
    assert waits.keys() >= {"uid", "source_uid", "source_name", "category", "pipeline_id", "created_at", "metadata", "account_id"}
    assert (waits["uid"], waits["source_uid"], waits["source_name"], waits["metadata"]["form_name"]) == (row["uid"], "site-1", "Our site", "Order")
    assert api.get("leads/unsorted?filter[category][]=sip").status_code == 204
    with doors.unit():
        assert not Deal.objects.exists()
    accepted = api.post(f"leads/unsorted/{row['uid']}/accept", {"status_id": None, "user_id": None}).json()
    assert accepted.keys() >= {"uid", "category", "pipeline_id", "created_at"}
    lead = api.get(f"leads/{accepted['_embedded']['leads'][0]['id']}?with=contacts").json()
    assert (lead["name"], lead["price"], len(lead["_embedded"]["contacts"])) == ("Bread", 30, 1)
    firms = [one["id"] for one in lead["_embedded"]["companies"]]
    for told in (accepted, api.get(f"leads/unsorted/{row['uid']}").json()):
        assert ([one["id"] for one in told["_embedded"]["companies"]], len(firms)) == (firms, 1)
    assert api.post(f"leads/unsorted/{row['uid']}/accept", {}).status_code == 409
    assert api.get("leads/unsorted").status_code == 204
    assert api.get("leads/unsorted/summary").json()["accepted"] == 1


def test_declined_linked_and_unknown(api: Program, doors) -> None:
    rows = api.post("leads/unsorted/sip", [form(metadata={"from": "+31205550199", "phone": "+3120", "duration": 5}), form()]).json()["_embedded"]["unsorted"]
    (lead,) = made(api, "leads", {})
    assert api.delete(f"leads/unsorted/{rows[0]['uid']}/decline", {"user_id": 1}).json()["uid"] == rows[0]["uid"]
    answer = api.post(f"leads/unsorted/{rows[1]['uid']}/link", {"link": {"entity_id": lead, "entity_type": "leads", "metadata": None}})
    assert answer.json()["_embedded"]["leads"][0]["id"] == lead
    with doors.unit():
        assert set(IncomingLead.objects.values_list("state", flat=True)) == {LeadState.DECLINED, LeadState.LINKED}
    for path in ("accept", "link"):
        assert api.post(f"leads/unsorted/{'0' * 32}/{path}", {"link": {"entity_id": 1, "entity_type": "leads"}}).status_code == 404
    assert api.delete(f"leads/unsorted/{'0' * 32}/decline").status_code == 404
    for wrong in ({}, form(source_uid=""), form(metadata=None), form(pipeline_id=999), form(metadata="x")):
        assert api.post("leads/unsorted/forms", [form(), wrong]).status_code == 400, wrong
    with doors.unit():
        assert IncomingLead.objects.count() == 2


def test_a_lead_is_put_to_a_customer(api: Program, doors) -> None:
    rows = api.post("leads/unsorted/forms", [form(), form(), form()]).json()["_embedded"]["unsorted"]
    one, two, three = (row["uid"] for row in rows)
    (customer,), (anna,) = made(api, "customers", {"name": "Bakery"}), made(api, "contacts", {"name": "Anna"})
    answer = api.post(f"leads/unsorted/{one}/link", {"link": {"entity_id": customer, "entity_type": "customers", "metadata": {"contact_id": anna}}})
    assert answer.status_code == 200, answer.content
    told = answer.json()["_embedded"]
    assert ([row["id"] for row in told["customers"]], [row["id"] for row in told["contacts"]], told["leads"]) == ([customer], [anna], [])
    assert told["customers"][0]["_links"]["self"]["href"].endswith(f"/api/v4/customers/{customer}")
    assert api.get(f"leads/unsorted/{one}").json()["_embedded"] == told
    (note,) = api.get(f"customers/{customer}/notes").json()["_embedded"]["notes"]
    assert (note["note_type"], note["params"]["text"]) == ("common", "Anna, +31205550188\nBread")
    assert [row["to_entity_id"] for row in api.get(f"customers/{customer}/links").json()["_embedded"]["links"]] == [anna]
    assert len(api.get(f"contacts/{anna}/notes").json()["_embedded"]["notes"]) == 1
    with doors.unit():
        (event,) = Event.objects.filter(name="incoming.linked")
        assert (event.after["customer_id"], event.after["contact_id"], {f"customer:{customer}", f"contact:{anna}"} <= set(event.subjects)) == (customer, anna, True)
    assert api.post(f"leads/unsorted/{one}/link", {"link": {"entity_id": customer, "entity_type": "customers"}}).status_code == 409
    assert api.post(f"leads/unsorted/{two}/link", {"link": {"entity_id": customer, "entity_type": "customers", "metadata": None}}).json()["_embedded"]["contacts"] == []
    for wrong in ({"entity_id": 999, "entity_type": "customers"}, {"entity_id": customer, "entity_type": "customers", "metadata": {"contact_id": 999}}):
        assert api.post(f"leads/unsorted/{three}/link", {"link": wrong}).status_code == 404, wrong
    assert api.post(f"leads/unsorted/{three}/link", {"link": {"entity_id": customer, "entity_type": "customer"}}).status_code == 400
    with doors.unit():
        vera = person("viewer", name="Vera").email
    assert program_of(doors, vera).post(f"leads/unsorted/{three}/link", {"link": {"entity_id": customer, "entity_type": "customers"}}).status_code == 403
    assert "_embedded" in api.get("leads/unsorted").json()  # the third waits still
    assert len(api.get(f"customers/{customer}/notes").json()["_embedded"]["notes"]) == 2
    with doors.unit():
        assert [Event.objects.filter(name="incoming.linked").count(), IncomingLead.objects.filter(state=LeadState.WAITING).count()] == [2, 1]


def test_a_whole_lead_may_wait_too(api: Program, doors) -> None:
    whole = {"name": "Bread", "request_id": "a", "_embedded": {"contacts": [PERSON], "metadata": {"category": "forms", "form_name": "Order"}}}
    waits, stands = api.post("leads/complex", [whole, {"name": "Now", "request_id": "b"}]).json()
    assert (waits["request_id"], waits["id"], stands["request_id"]) == (["a"], None, ["b"])
    with doors.unit():
        assert list(Deal.objects.values_list("name", flat=True)) == ["Now"]
    assert api.post(f"leads/unsorted/{waits['uid']}/accept", {}).status_code == 200
    assert api.post("leads/complex", [{"_embedded": {"metadata": {"category": "pigeon"}}}]).status_code == 400


def test_who_may_not_decide_does_not(api: Program, doors, make_door) -> None:
    (row,) = api.post("leads/unsorted/forms", [form()]).json()["_embedded"]["unsorted"]
    with doors.unit():
        vera = person("viewer", name="Vera").email
    viewer = program_of(doors, vera)
    assert viewer.post(f"leads/unsorted/{row['uid']}/accept", {}).status_code == 403
    assert viewer.post("leads/unsorted/forms", [form()]).status_code == 403
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert stranger.get(f"leads/unsorted/{row['uid']}").status_code == 404
    assert stranger.post(f"leads/unsorted/{row['uid']}/accept", {}).status_code == 404
    assert api.get(f"leads/unsorted/{row['uid']}").status_code == 200


def test_a_source_that_a_program_declares_shows_its_leads(api: Program, doors) -> None:
    source = api.post("sources", [{"name": "Our site", "external_id": "site-1"}]).json()["_embedded"]["sources"][0]
    with doors.unit():
        (ours,) = LeadSource.objects.all()
        assert (ours.name, ours.kind, ours.pipeline_id, ours.last_lead_at) == ("Our site", "api", source["pipeline_id"], None)
        sources.change(robot("test"), ours.pk, name="Our site", pipeline_id=ours.pipeline_id, answer_minutes=30, responsible_id=None)
    for uid in ("site-1", "another"):
        assert api.post("leads/unsorted/forms", [form(source_uid=uid)]).status_code == 200
    with doors.unit():
        while reading_job.read_some():
            pass
        assert dict(IncomingLead.objects.values_list("metadata__source_uid", "source")) == {"site-1": ours.pk, "another": None}
        assert IncomingLead.objects.get(source=ours.pk).due_at is not None
        ours.refresh_from_db()
        assert ours.last_lead_at is not None
    assert api.patch(f"sources/{source['id']}", {"name": "Shop " * 30}).status_code == 200
    with doors.unit():
        ours.refresh_from_db()
        assert (ours.name, ours.settings["answer_minutes"]) == (("Shop " * 30)[:120].strip(), 30)
    assert "Shop Shop" in doors.client().get("/settings/lead-sources").content.decode()
    assert api.delete("sources", [{"id": source["id"]}]).status_code == 204
    api.post("leads/unsorted/forms", [form()])
    with doors.unit():
        ours.refresh_from_db()
        assert ours.archived_at is not None
        assert IncomingLead.objects.filter(source=ours.pk).count() == 1


def test_a_whole_lead_names_its_source(api: Program, doors) -> None:
    source, other = (api.post("sources", [{"name": name, "external_id": key}]).json()["_embedded"]["sources"][0] for name, key in (("Our site", "site-1"), ("Phone", "tel")))
    words = [{"external_id": "site-1", "type": "widget"}, {"id": other["id"]}, {"name": "Our site"}, {"external_id": "nobody's"}, None, {"external_id": None, "name": None, "id": None}]
    made = api.post("leads/complex", [{"name": f"L{at}", "_embedded": {"contacts": [PERSON], "source": word}} for at, word in enumerate(words)]).json()
    (plain,) = api.post("leads", [{"name": "P", "_embedded": {"source": {"external_id": "tel"}}}]).json()["_embedded"]["leads"]
    ids = [row["id"] for row in made] + [plain["id"]]
    told = {row["id"]: row for row in api.get("leads?with=source,source_id").json()["_embedded"]["leads"]}
    assert [told[pk]["source_id"] for pk in ids] == [source["id"], other["id"], source["id"], None, None, None, other["id"]]
    assert [told[pk]["_embedded"]["source"] for pk in ids[1:4]] == [{"id": other["id"], "name": "Phone"}, {"id": source["id"], "name": "Our site"}, None]
    assert api.get(f"leads/{ids[0]}?with=source_id").json()["source_id"] == source["id"]
    assert (api.get(f"leads/{ids[0]}").json()["source_id"], "source" in api.get(f"leads/{ids[0]}").json()["_embedded"]) == (None, False)
    with doors.unit():
        assert not LeadSource.objects.filter(last_lead_at=None).exists()
    for wrong in ({"external_id": {}}, {"id": "x"}, "site-1", [1]):
        assert api.post("leads/complex", [{"name": "W", "_embedded": {"source": wrong}}]).status_code == 400, wrong
    with doors.unit():
        assert not Deal.objects.filter(name="W").exists()


def test_a_whole_lead_that_waits_counts_as_from_its_source(api: Program, doors) -> None:
    source = api.post("sources", [{"name": "Our site", "external_id": "site-1"}]).json()["_embedded"]["sources"][0]
    with doors.unit():
        (ours,) = LeadSource.objects.all()
    whole = {"name": "Bread", "_embedded": {"contacts": [PERSON], "source": {"external_id": "site-1"}, "metadata": {"category": "forms", "form_name": "Order"}}}
    (waits,) = api.post("leads/complex", [whole]).json()
    shown = api.get(f"leads/unsorted/{waits['uid']}").json()
    assert (shown["source_uid"], shown["source_name"]) == ("site-1", "Our site")
    accepted = api.post(f"leads/unsorted/{waits['uid']}/accept", {}).json()["_embedded"]["leads"][0]["id"]
    with doors.unit():
        assert IncomingLead.objects.get(uid=waits["uid"]).source_id == ours.pk
        ours.refresh_from_db()
        assert ours.last_lead_at is not None
    assert api.get(f"leads/{accepted}?with=source").json()["_embedded"]["source"] == {"id": source["id"], "name": "Our site"}
    assert api.delete("sources", [{"id": source["id"]}]).status_code == 204
    late = api.post("leads/complex", [{"name": "Late", "_embedded": {"source": {"external_id": "site-1"}}}]).json()[0]["id"]
    assert api.get(f"leads/{late}?with=source").json()["_embedded"]["source"] is None


def test_who_may_not_declare_a_source_leaves_none(api: Program, doors) -> None:
    with doors.unit():
        sam = person("seller", name="Sam").email
    assert program_of(doors, sam).post("sources", [{"name": "Our site", "external_id": "site-1"}]).status_code == 403
    assert api.post("sources", [{"name": "Fine", "external_id": "x"}, {"name": ""}]).status_code == 400
    with doors.unit():
        assert not LeadSource.objects.exists()


def test_what_a_lead_says_in_its_fields_and_tags_stands_on_what_it_becomes(api: Program, doors) -> None:
    budget, size = (api.post(f"{plural}/custom_fields", [field]).json()["_embedded"]["custom_fields"][0] for plural, field in (
        ("leads", {"name": "Budget", "type": "numeric"}), ("contacts", {"name": "Size", "type": "select", "enums": [{"value": "S"}, {"value": "L"}]}),
    ))  # fmt: skip
    phone, web = {"field_id": 990002, "values": [{"value": "+31205550142", "enum_code": "MOB"}]}, {"field_code": "WEB", "values": [{"value": "https://bakery.example"}]}
    position, mail = {"field_code": "POSITION", "values": [{"value": "Baker"}]}, {"field_code": "EMAIL", "values": [{"value": "no address"}]}
    said = {
        "leads": [{"name": "Bread", "tags_to_add": [{"name": "site"}], "custom_fields_values": [{"field_id": budget["id"], "values": [{"value": 500}]}, {"field_id": 999_999, "values": [{"value": "x"}]}]}],
        "contacts": [{"first_name": "Ada", "last_name": "van Dam", "_embedded": {"tags": [{"name": "warm"}]}, "custom_fields_values": [phone, mail, position, {"field_id": size["id"], "values": [{"value": "L"}]}]}, {"name": "Bob"}],
        "companies": [{"name": "Bakery", "custom_fields_values": [web, {"field_code": "PHONE", "values": [{"value": "+31205550143"}]}]}],
    }  # fmt: skip
    (row,) = api.post("leads/unsorted/forms", [form(_embedded=said)]).json()["_embedded"]["unsorted"]
    became = api.post(f"leads/unsorted/{row['uid']}/accept", {}).json()["_embedded"]
    lead = api.get(f"leads/{became['leads'][0]['id']}").json()
    assert ([one["name"] for one in lead["_embedded"]["tags"]], valued(lead)) == (["site"], {"Budget": "500"})
    contact = api.get(f"contacts/{became['contacts'][0]['id']}").json()
    assert (contact["first_name"], contact["last_name"], [one["name"] for one in contact["_embedded"]["tags"]]) == ("Ada", "van Dam", ["warm"])
    assert valued(contact) == {"Position": "Baker", "Phone": "+31205550142", "Size": "L"}
    assert valued(api.get(f"companies/{lead['_embedded']['companies'][0]['id']}").json()) == {"Phone": "+31205550143", "Web": "https://bakery.example"}
    (note,) = api.get(f"leads/{lead['id']}/notes").json()["_embedded"]["notes"]
    assert all(words in note["params"]["text"] for words in ("Budget: 500", "999999: x", "Email: no address", "Bob"))
    # The next time they are known: what they lack is added, what stands there stays.
    said["contacts"][0]["custom_fields_values"] = [phone, {"field_code": "EMAIL", "values": [{"value": "ada@bakery.example"}]}, {"field_code": "POSITION", "values": [{"value": "Owner"}]}]
    (row,) = api.post("leads/unsorted/forms", [form(_embedded=said)]).json()["_embedded"]["unsorted"]
    assert api.post(f"leads/unsorted/{row['uid']}/accept", {}).json()["_embedded"]["contacts"][0]["id"] == contact["id"]
    assert valued(api.get(f"contacts/{contact['id']}").json()) == {"Position": "Baker", "Phone": "+31205550142", "Size": "L", "Email": "ada@bakery.example"}


def test_all_contacts_that_a_lead_brings_are_made_and_linked(api: Program) -> None:
    bob = {"name": "Bob", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+31205550142"}]}, {"field_code": "POSITION", "values": [{"value": "Baker"}]}]}
    (row,) = api.post("leads/unsorted/forms", [form(_embedded={"leads": [{"name": "Bread"}], "contacts": [{"name": "Ada"}, bob]})]).json()["_embedded"]["unsorted"]
    became = api.post(f"leads/unsorted/{row['uid']}/accept", {}).json()["_embedded"]
    people = [api.get(f"contacts/{one['id']}").json() for one in became["contacts"]]
    assert ([one["name"] for one in people], valued(people[1])) == (["Ada", "Bob"], {"Phone": "+31205550142", "Position": "Baker"})
    linked = api.get(f"leads/{became['leads'][0]['id']}?with=contacts").json()["_embedded"]["contacts"]
    assert [(one["id"], one["is_main"]) for one in linked] == [(people[0]["id"], True), (people[1]["id"], False)]


def test_a_lead_that_came_earlier_says_when(api: Program, doors) -> None:
    source = api.post("sources", [{"name": "Our site", "external_id": "site-1"}]).json()["_embedded"]["sources"][0]
    with doors.unit():
        (ours,) = LeadSource.objects.all()
        sources.change(robot("test"), ours.pk, name=source["name"], pipeline_id=ours.pipeline_id, answer_minutes=30, responsible_id=None)
    assert api.post("leads/unsorted/forms", [form(created_at=1_700_000_000), form(created_at=4_000_000_000), form(created_at=None)]).status_code == 200
    early, late, now = api.get("leads/unsorted?order[created_at]=asc").json()["_embedded"]["unsorted"]
    assert early["created_at"] == 1_700_000_000 < late["created_at"] <= now["created_at"]
    with doors.unit():  # and nobody is late with it
        moments = IncomingLead.objects.values_list("due_at", flat=True)
        assert max(moments) - min(moments) < timedelta(minutes=20)
    assert api.post("leads/unsorted/forms", [form(created_at="yesterday")]).status_code == 400


def test_a_lead_that_waited_under_seal_says_when_it_came(api: Program, doors, monkeypatch) -> None:
    source = api.post("sources", [{"name": "Our site", "external_id": "site-1"}]).json()["_embedded"]["sources"][0]
    with doors.unit():
        (ours,) = LeadSource.objects.all()
        sources.change(robot("test"), ours.pk, name=source["name"], pipeline_id=ours.pipeline_id, answer_minutes=30, responsible_id=None)
    whole = {"name": "Bread", "created_at": 1_700_000_007, "_embedded": {"contacts": [PERSON], "source": {"external_id": "site-1"}, "metadata": {"category": "forms"}}}
    with monkeypatch.context() as billed:
        billed.setattr(held, "is_held", lambda: True)
        rows = api.post("leads/unsorted/forms", [form(created_at=1_700_000_000), form(created_at=4_000_000_000), form()]).json()["_embedded"]["unsorted"]
        (kept,) = api.post("leads/complex", [whole]).json()
        assert api.get("leads/unsorted").status_code == 204
    with doors.unit():
        sealed_at = list(HeldLead.objects.order_by("id").values_list("received_at", flat=True))
        assert held.open_some() == 4
        due = dict(IncomingLead.objects.values_list("uid", "due_at"))
        assert all(abs(moment - clock.now() - timedelta(minutes=30)) < timedelta(minutes=5) for moment in due.values())  # and nobody is late with it
    uids = [*(row["uid"] for row in rows), kept["uid"]]
    told = [api.get(f"leads/unsorted/{uid}").json()["created_at"] for uid in uids]
    assert told == [1_700_000_000, int(sealed_at[1].timestamp()), int(sealed_at[2].timestamp()), 1_700_000_007]
    for uid, at in zip(uids[::3], told[::3], strict=True):
        assert api.post(f"leads/unsorted/{uid}/accept", {}).json()["created_at"] == at == api.get(f"leads/unsorted/{uid}").json()["created_at"]
    assert api.post("leads/complex", [{**whole, "created_at": "soon"}]).status_code == 400


def test_a_lead_is_found_in_the_pipeline_it_goes_into(api: Program, doors) -> None:
    first = api.get("leads/pipelines").json()["_embedded"]["pipelines"][0]["id"]
    (second,) = (row["id"] for row in api.post("leads/pipelines", [{"name": "Second", "_embedded": {"statuses": [{"name": "New"}]}}]).json()["_embedded"]["pipelines"])
    api.post("sources", [{"name": "Our site", "external_id": "site-1", "pipeline_id": second}])
    rows = api.post("leads/unsorted/forms", [form(source_uid="other"), form(), form(source_uid="other", pipeline_id=second)]).json()["_embedded"]["unsorted"]
    into = dict(zip((row["uid"] for row in rows), (first, second, second), strict=True))
    assert {row["uid"]: row["pipeline_id"] for row in api.get("leads/unsorted").json()["_embedded"]["unsorted"]} == into
    for pipeline in (first, second):
        found = {row["uid"] for row in api.get(f"leads/unsorted?filter[pipeline_id]={pipeline}").json()["_embedded"]["unsorted"]}
        assert found == {uid for uid, pk in into.items() if pk == pipeline}
        assert api.get(f"leads/unsorted/summary?filter[pipeline_id]={pipeline}").json()["total"] == len(found)
    won = api.post(f"leads/unsorted/{rows[1]['uid']}/accept", {"status_id": 142}).json()
    lead = api.get(f"leads/{won['_embedded']['leads'][0]['id']}").json()
    assert (won["pipeline_id"], lead["pipeline_id"], lead["status_id"]) == (second, second, 142)


def test_figures_are_of_the_time_that_is_asked_for(api: Program) -> None:
    api.post("leads/unsorted/forms", [form(created_at=1_700_000_000), form()])
    assert [api.get(f"leads/unsorted/summary{asked}").json()["total"] for asked in ("", "?filter[created_at][from]=1600000000", "?filter[created_at][from]=1600000000&filter[created_at][to]=1700000001")] == [1, 2, 1]
    rows = {asked: api.get(f"leads/unsorted?{asked}", X_Strict="1") for asked in ("order[updated_at]=asc", "order[updated_at]=desc", "order[spoon]=asc")}
    assert rows["order[spoon]=asc"].status_code == 400
    one, other = ([row["uid"] for row in rows[f"order[updated_at]={way}"].json()["_embedded"]["unsorted"]] for way in ("asc", "desc"))
    assert one == other[::-1]
    (_early, now) = (row["created_at"] for row in api.get("leads/unsorted?order[created_at]=asc").json()["_embedded"]["unsorted"])

    def total(query: str) -> int:
        found: int = api.get(f"leads/unsorted/summary?{query}").json()["total"]
        return found

    # The second that the API tells is within, as in every other list; an end alone is one too, and what is no moment is none.
    assert total(f"filter[created_at][from]={now}&filter[created_at][to]={now}") == 1
    assert [total(f"filter[created_at]={asked}") for asked in (1_700_000_000, now, now + 1, "soon")] == [2, 1, 0, 1]
    assert [total(f"filter[created_at][to]={asked}") for asked in (1_600_000_000, 1_700_000_000, now)] == [0, 1, 2]
    pipeline = api.get("leads/pipelines").json()["_embedded"]["pipelines"][0]["id"]
    assert [total(f"filter[pipeline_id]{asked}&filter[created_at]=1") for asked in (f"[]={pipeline}", f"={pipeline}", "[]=999")] == [2, 2, 0]


def valued(record: dict[str, Any]) -> dict[str, Any]:
    """The first value of each field of a record, by its name."""
    return {one["field_name"]: one["values"][0]["value"] for one in record["custom_fields_values"] or ()}
