"""Leads, contacts and companies through the open API: as amoCRM's, and by the same rules as the screens."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from crm_core.doors.amocrm.records import verbs
from crm_core.doors.amocrm.wire import once
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_platform.db import sides
from crm_platform.events.models import Event, InboxMessage
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tests.doors.conftest import Program, program_of
from tests.factories.cast import person
from tests.racing import at_once


def made(api: Program, plural: str, *items: dict[str, Any]) -> list[int]:
    answer = api.post(plural, list(items))
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["_embedded"][plural]]


def listed(api: Program, path: str) -> list[int]:
    answer = api.get(path)
    assert answer.status_code in (200, 204), answer.content
    return [row["id"] for row in answer.json()["_embedded"][path.partition("?")[0]]] if answer.status_code == 200 else []


def test_leads_are_made_with_minimal_answers(api: Program, doors) -> None:
    answer = api.post("leads", [{}, {"name": "Kitchen", "price": "1200", "request_id": 77, "tags_to_add": [{"name": "VIP"}], "metadata": None, "nonsense": 1}])
    told = answer.json()
    assert answer.status_code == 200
    assert [row.keys() for row in told["_embedded"]["leads"]] == [{"id", "request_id", "_links"}] * 2
    assert [row["request_id"] for row in told["_embedded"]["leads"]] == ["0", "77"]
    second = api.get(f"leads/{told['_embedded']['leads'][1]['id']}?with=contacts,loss_reason,tags").json()
    assert (second["name"], second["price"], second["is_deleted"], second["custom_fields_values"]) == ("Kitchen", 1200, False, None)
    assert [tag["name"] for tag in second["_embedded"]["tags"]] == ["VIP"]
    assert (second["_embedded"]["contacts"], second["_embedded"]["loss_reason"], second["_embedded"]["companies"]) == ([], [], [])
    with doors.unit():
        event = Event.objects.filter(name="deal.created").latest("id")
        assert (event.actor_kind, Deal.objects.count()) == ("integration", 2)


def test_a_batch_with_one_wrong_item_writes_none(api: Program, doors) -> None:
    answer = api.post("leads", [{"name": "fine"}, {"name": "x", "status_id": 5, "request_id": "r2", "custom_fields_values": [{"field_id": 4, "values": []}]}])
    assert answer.status_code == 400
    told = answer.json()
    assert told["validation-errors"] == [
        {"request_id": "r2", "errors": [
            {"code": "NotSupportedChoice", "path": "status_id", "detail": "The value you selected is not a valid choice."},
            {"code": "NotSupportedChoice", "path": "custom_fields_values.0.field_id", "detail": "The value you selected is not a valid choice."},
        ]},
    ]  # fmt: skip
    with doors.unit():
        assert not Deal.objects.exists()
    for wrong in (b"", b"[", b"1", b"[1]", b"\xff", b"[" * 100_000, b'[{"name": NaN}]', b'[{"price": 1' + b"0" * 5000 + b"}]"):
        assert api.send("POST", "leads", wrong).status_code == 400, wrong[:20]


def test_a_lead_is_won_lost_and_open_again(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    first = api.get(f"leads/{pk}").json()
    assert (first["status_id"] > 1000, first["closed_at"]) == (True, None)
    assert api.patch(f"leads/{pk}", {"status_id": 142, "updated_by": 0, "created_at": 5}).status_code == 200
    won = api.get(f"leads/{pk}").json()
    assert (won["status_id"], bool(won["closed_at"]), won["created_at"]) == (142, True, first["created_at"])
    answer = api.patch("leads", [{"id": pk, "status_id": 143}])
    assert [row.keys() >= {"id", "updated_at", "_links"} for row in answer.json()["_embedded"]["leads"]] == [True]
    lost = api.get(f"leads/{pk}?with=loss_reason").json()
    assert (lost["status_id"], lost["loss_reason_id"], lost["_embedded"]["loss_reason"]) == (143, None, [])
    assert api.patch(f"leads/{pk}", {"status_id": first["status_id"], "pipeline_id": first["pipeline_id"]}).status_code == 200
    assert api.get(f"leads/{pk}").json()["closed_at"] is None


def test_a_closed_lead_is_told_when_it_was_closed(api: Program) -> None:
    (pk,) = made(api, "leads", {})
    assert api.patch(f"leads/{pk}", {"closed_at": 1_700_000_000}).status_code == 200
    assert api.get(f"leads/{pk}").json()["closed_at"] is None  # it is open
    api.patch(f"leads/{pk}", {"status_id": 142})
    won = api.get(f"leads/{pk}").json()
    assert api.patch(f"leads/{pk}", {"closed_at": 1_700_000_000}).status_code == 200
    assert api.get(f"leads/{pk}").json()["closed_at"] == 1_700_000_000
    back = api.get(f"leads/{pk}").json()
    api.patch(f"leads/{pk}", {**back, "status_id": 143})  # a client that sends back all that it has read
    assert api.get(f"leads/{pk}").json()["closed_at"] >= won["closed_at"]


def test_a_contact_with_phones_belongs_to_a_company_and_a_lead(api: Program) -> None:
    (company,) = made(api, "companies", {"name": "Bakery", "custom_fields_values": [{"field_code": "WEB", "values": [{"value": "bakery.example"}]}]})
    phones = {"field_code": "PHONE", "field_id": None, "values": [{"value": "+31 20 555 01 88", "enum_code": "WORKDD", "enum_id": None}, {"value": "+31205550189", "enum_id": 990103}]}
    (contact,) = made(api, "contacts", {"first_name": "Anna", "last_name": "Bakker", "custom_fields_values": [phones, {"field_id": 990003, "values": ["anna@bakery.example"]}], "_embedded": {"companies": [{"id": company}]}})
    (lead,) = made(api, "leads", {"name": "Bread", "_embedded": {"contacts": [{"id": contact, "is_main": True}], "companies": [{"id": company}]}})
    told = api.get(f"contacts/{contact}?with=leads").json()
    assert (told["name"], told["first_name"], told["_embedded"]["companies"][0]["id"], told["_embedded"]["leads"][0]["id"]) == ("Anna Bakker", "Anna", company, lead)
    values = {field["field_code"]: field["values"] for field in told["custom_fields_values"]}
    assert [(value["value"], value["enum_code"]) for value in values["PHONE"]] == [("+31205550188", "WORKDD"), ("+31205550189", "MOB")]
    assert values["EMAIL"] == [{"value": "anna@bakery.example", "enum_id": 990111, "enum_code": "WORK"}]
    bread = api.get(f"leads/{lead}?with=contacts").json()["_embedded"]
    assert (bread["contacts"][0]["id"], bread["contacts"][0]["is_main"], bread["companies"][0]["id"]) == (contact, True, company)
    assert listed(api, "contacts?query=205550188") == [contact]
    assert listed(api, f"contacts?filter[custom_fields_values][990002][]=%2B31205550189&filter[id]={contact},7") == [contact]
    answer = api.patch("contacts", [{"id": contact, "name": "Anna de Vries", "custom_fields_values": [{"field_code": "EMAIL", "values": None}]}])
    assert answer.json()["_embedded"]["contacts"][0]["name"] == "Anna de Vries"
    told = api.get(f"contacts/{contact}").json()
    assert (told["name"], [field["field_code"] for field in told["custom_fields_values"]]) == ("Anna de Vries", ["PHONE"])


def test_lists_filter_order_and_page(api: Program) -> None:
    ids = made(api, "leads", *({"name": f"L{number}", "price": number * 10, "created_at": 1_700_000_000 + number} for number in range(1, 8)))
    assert listed(api, "leads?filter[price][from]=20&filter[price][to]=30") == ids[1:3]
    assert listed(api, "leads?filter[name][0]=L1&filter[name][1]=L7") == [ids[0], ids[6]]
    assert listed(api, "leads?filter[created_at][from]=1700000002&filter[created_at][to]=1700000002") == [ids[1]]
    assert listed(api, "leads?order[created_at]=desc&limit=2") == [ids[6], ids[5]]
    assert listed(api, "leads?filter[price]=5") == []
    status = api.get(f"leads/{ids[0]}").json()
    assert listed(api, f"leads?filter[statuses][0][pipeline_id]={status['pipeline_id']}&filter[statuses][0][status_id]={status['status_id']}&limit=999") == ids
    assert listed(api, f"leads?filter[statuses][0][pipeline_id]={status['pipeline_id']}&filter[statuses][0][status_id]=142") == []
    first = api.get("leads?limit=3&page=1&filter[id][]=" + "&filter[id][]=".join(map(str, ids))).json()
    assert "_total_items" not in first
    following = first["_links"]["next"]["href"]
    assert "page=2" in following
    assert "filter%5Bid%5D%5B0%5D=" in following
    assert following.startswith("http://")
    made(api, "leads", {"name": "later"})
    assert api.delete(f"leads/{ids[0]}").status_code == 204
    second = api.get(following[following.index("/api/v4/") :]).json()
    assert [row["id"] for row in second["_embedded"]["leads"]] == ids[3:6]
    assert second["_links"].keys() == {"self", "next", "first", "prev"}
    assert api.get("leads?page=900").status_code == 204
    assert api.get("leads?filter[nonsense]=1").status_code == 200
    assert api.get("leads?filter[nonsense]=1", X_Strict="1").status_code == 400


def test_the_bin_and_back(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    assert api.delete(f"leads/{pk}").status_code == 204
    assert api.get(f"leads/{pk}").status_code == 204
    assert api.get(f"leads/{pk}", Prefer="status=404").status_code == 404
    binned = api.get("leads?with=only_deleted").json()["_embedded"]["leads"]
    assert [(row["id"], row["name"], row["is_deleted"]) for row in binned] == [(pk, "A", True)]
    assert api.post(f"leads/{pk}/restore", None).json()["is_deleted"] is False
    assert api.delete("leads/999").status_code == 404
    assert api.delete("leads").status_code == 405


def test_versions_keep_edits_from_being_lost(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    tag = api.get(f"leads/{pk}").headers["ETag"]
    assert api.get(f"leads/{pk}", If_None_Match=tag).status_code == 304
    assert api.patch(f"leads/{pk}", {"name": "B"}, If_Match=tag).status_code == 200
    assert api.patch(f"leads/{pk}", {"name": "C"}, If_Match=tag).status_code == 412
    assert api.get(f"leads/{pk}").json()["name"] == "B"


def test_a_key_makes_a_request_once(api: Program, doors) -> None:
    answers = [api.post("leads", [{"name": "A"}], Idempotency_Key="k1") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert api.post("leads", [{"name": "B"}], Idempotency_Key="k1").status_code == 422
    assert api.post("leads", [{"status_id": 3}], Idempotency_Key="k2").status_code == 400
    assert api.post("leads", [{"name": "after"}], Idempotency_Key="k2").status_code == 200
    with doors.unit():
        assert Deal.objects.count() == 2


class Lease:
    """Work that nobody hurries."""

    def beat(self) -> None:
        """Still at it."""


def test_answers_of_keys_are_kept_for_a_week(api: Program, doors) -> None:
    for key in ("k1", "k2"):
        api.post("leads", [{"name": "A"}], Idempotency_Key=key)
    with doors.unit():
        kept = InboxMessage.objects.filter(kind=once.KIND)
        old = kept.order_by("pk").first()
        kept.filter(pk=old.pk).update(received_at=clock.real_now() - timedelta(days=8))
        waits = Job.objects.filter(name=once.FORGET, state="waiting")
        assert waits.count() == 1
        waits.delete()
    with sides.inside(doors.place):
        once.forget(0, lease=Lease())
    with doors.unit():
        assert old.pk not in kept.values_list("pk", flat=True)
        assert (kept.count(), waits.count()) == (1, 1)


def test_records_are_made_or_changed_by_their_own_id(api: Program) -> None:
    first = api.post("contacts/upsert", [{"external_id": "a", "name": "A"}, {"external_id": "b", "name": "B"}]).json()["_embedded"]["contacts"]
    again = api.post("contacts/upsert", [{"external_id": "b", "name": "B2"}, {"external_id": "c"}]).json()["_embedded"]["contacts"]
    assert [row["created"] for row in first + again] == [True, True, False, True]
    assert again[0]["id"] == first[1]["id"]
    assert api.get(f"contacts/{first[1]['id']}").json()["name"] == "B2"
    assert api.post("contacts/upsert", [{"name": "x"}]).status_code == 400
    assert api.post("contacts/upsert", [{"external_id": "d"}, {"external_id": "d"}]).status_code == 400


def test_two_programs_make_one_record_of_one_id(api: Program, doors, monkeypatch: pytest.MonkeyPatch) -> None:
    meet, statuses, create = threading.Barrier(4), [], verbs.create

    def slowly(*given: Any) -> Any:
        time.sleep(0.5)  # long enough for the others to have looked
        return create(*given)

    made(api, "contacts", {})  # that the token was used is noted now and then alone; whoever notes it has the others wait
    monkeypatch.setattr(verbs, "create", slowly)

    def put() -> None:
        meet.wait(20)
        statuses.append(api.post("contacts/upsert", [{"external_id": "same", "name": "A"}]).status_code)

    at_once(4, put)
    with doors.unit():
        assert (statuses, Contact.objects.filter(external_id="same").count()) == ([200] * 4, 1)


def test_a_list_is_counted_when_asked(api: Program) -> None:
    made(api, "leads", *({"name": name} for name in "abc"))
    told = api.get("leads?limit=2&with=total").json()
    assert (told["_total_items"], told["_page_count"], len(told["_embedded"]["leads"])) == (3, 2, 2)
    assert "_total_items" not in api.get("leads").json()


def test_what_is_not_known_is_named_or_refused(api: Program) -> None:
    made(api, "leads", {})
    path = "leads?filter[wood]=oak&order[colour]=asc&with=contacts,weather"
    assert api.get(path).headers["X-Ignored"] == "filter[wood], order[colour], with=weather"
    assert "X-Ignored" not in api.get("leads?filter[name]=x&order[id]=asc&with=contacts").headers
    for unknown in ("filter[wood]=oak", "order[colour]=asc", "with=weather"):
        assert api.get(f"leads?{unknown}", X_Strict="1").status_code == 400
    assert api.get(f"tasks?filter[%0d%0a{'x' * 900}]=1").headers["X-Ignored"].startswith("filter[%0D%0Axx")


def test_what_a_body_says_in_vain_is_refused_where_it_is_asked_strictly(api: Program, doors) -> None:
    body = [{"name": "A"}, {"name": "B", "prise": 5, "request_id": "b", "_embedded": {"contact": [], "tags": [{"nam": "x"}]}, "custom_fields_values": [{"field_id": 1, "values": [{"value": 1, "more": 2}], "vals": 1}]}]
    answer = api.post("leads", body, X_Strict="1")
    (wrong,) = answer.json()["validation-errors"]
    assert (answer.status_code, wrong["request_id"], {one["path"] for one in wrong["errors"]}) == (400, "b", {"prise", "_embedded.contact", "_embedded.tags.0.nam", "custom_fields_values.0.vals"})
    with doors.unit():
        assert not Deal.objects.exists()
    pk = api.post("leads", [{"name": "A"}], X_Strict="1").json()["_embedded"]["leads"][0]["id"]
    read = api.get(f"leads/{pk}").json()
    plain = {name: value for name, value in read.items() if name != "_embedded"}
    assert api.patch(f"leads/{pk}", {**plain, "name": "C"}, X_Strict="1").status_code == 200  # what was read and comes back is known
    assert api.patch(f"leads/{pk}", {"nmae": "D"}, X_Strict="1").json()["validation-errors"][0]["errors"][0]["path"] == "nmae"
    assert api.patch(f"leads/{pk}", {"nmae": "D"}).status_code == 200
    assert api.post("leads", b"{", X_Strict="1").status_code == 400


@pytest.mark.parametrize("plural", ["leads", "contacts", "companies"])
def test_a_list_costs_the_same_for_one_and_three(api: Program, count_statements, plural: str) -> None:
    def cost() -> int:
        with count_statements() as count:
            assert api.get(f"{plural}?with=contacts,leads,companies,loss_reason,catalog_elements").status_code == 200
        return count()

    made(api, plural, {"name": "A"})
    cost()
    one = cost()
    made(api, plural, {"name": "B"}, {"name": "C"})
    cost()
    assert cost() == one


def test_what_a_person_may_not_see_or_do_a_program_may_not(api: Program, doors, make_door) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    other = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    stranger = program_of(other)
    assert stranger.get(f"leads/{pk}").status_code == 204
    assert stranger.patch(f"leads/{pk}", {"name": "mine"}).status_code == 404
    assert stranger.patch("leads", [{"id": pk, "name": "mine"}]).status_code == 400
    assert stranger.delete(f"leads/{pk}").status_code == 404
    assert stranger.post("contacts", [{"name": "x"}]).status_code == 200
    assert stranger.post("leads", [{"_embedded": {"contacts": [{"id": pk + 10**9}]}}]).status_code == 400
    assert api.get(f"leads/{pk}").json()["name"] == "A"


def test_roles_reach_as_far_as_on_the_screens(api: Program, doors) -> None:
    with doors.unit():
        emails = {name: person(role, name=name).email for name, role in (("Mia", "manager"), ("Sam", "seller"), ("Vera", "viewer"), ("Ada", "administrator"))}
    (pk,) = made(api, "leads", {"name": "the owner's"})
    programs = {name: program_of(doors, email) for name, email in emails.items()}
    seen = {name: program.get(f"leads/{pk}").status_code for name, program in programs.items()}
    assert seen == {"Mia": 200, "Sam": 204, "Vera": 200, "Ada": 200}
    changed = {name: program.patch(f"leads/{pk}", {"price": 1}).status_code for name, program in programs.items()}
    assert changed == {"Mia": 200, "Sam": 404, "Vera": 403, "Ada": 200}
    created = {name: program.post("leads", [{}]).status_code for name, program in programs.items()}
    assert created == {"Mia": 200, "Sam": 200, "Vera": 403, "Ada": 200}
    binned = {name: program.delete(f"leads/{pk}").status_code for name, program in programs.items()}
    assert binned == {"Mia": 403, "Sam": 404, "Vera": 403, "Ada": 204}


def test_many_ids_and_odd_questions_do_no_harm(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    assert listed(api, "leads?filter[id]=" + ",".join(map(str, range(pk, pk + 100_000)))) == [pk]
    for odd in ("filter=1", "filter[id][a][b]=1", "filter[price][from]=x", "filter[created_at]=x", "filter[statuses]=1", "filter[custom_fields_values]=1", "page=-1&limit=0", "page=99999999999999999999", "order=1", "order[name]=x", "with[]=a", "cursor=x.y", "cursor=9e9.1", "cursor[]=1", "filter[id]=9999999999999999999999", "filter[closed_at][from]=99999999999999", "query[]=1", "filter[custom_fields_values][990002]=1", "page=9999999&limit=250"):  # fmt: skip
        assert api.get(f"leads?{odd}").status_code in (200, 204), odd


def test_a_batch_costs_the_same_for_two_and_for_ten(api: Program, count_statements) -> None:
    """Leads with their contacts, contacts with their companies: looked up, linked and announced together."""
    firms = made(api, "companies", *({"name": f"Firm {at}"} for at in range(10)))
    people = made(api, "contacts", *({"name": f"P{at}", "_embedded": {"companies": [{"id": firms[at]}]}} for at in range(10)))

    def batch(size: int) -> int:
        with count_statements() as counted:
            made(api, "leads", *({"name": f"L{at}", "_embedded": {"contacts": [{"id": people[at], "is_main": True}], "companies": [{"id": firms[at]}]}} for at in range(size)))
            made(api, "contacts", *({"name": f"Q{at}", "_embedded": {"companies": [{"id": firms[at]}]}} for at in range(size)))
        return counted()

    batch(2)
    assert batch(2) == batch(10)
    lead = api.get("leads?order[id]=desc&limit=1&with=contacts").json()["_embedded"]["leads"][0]
    assert ([row["id"] for row in lead["_embedded"]["contacts"]], [row["id"] for row in lead["_embedded"]["companies"]]) == ([people[9]], [firms[9]])
    assert [row["id"] for row in api.get("contacts?order[id]=desc&limit=1").json()["_embedded"]["contacts"][0]["_embedded"]["companies"]] == [firms[9]]


@pytest.mark.parametrize("order", ["", "&order[created_at]=desc"])
def test_a_list_of_everything_is_of_what_one_may_see(api: Program, doors, make_door, order: str) -> None:
    with doors.unit():
        sam, vera = person("seller", name="Sam").email, person("viewer", name="Vera").email
    own = made(program_of(doors, sam), "leads", {"name": "Sam's"}, {"name": "Sam's other"})
    others = made(api, "leads", {"name": "the owner's"}, {"name": "in the bin"})
    api.delete(f"leads/{others[1]}")
    seen = [*own, others[0]] if not order else [others[0], *own[::-1]]
    ask = f"leads?limit=50{order}"
    assert [pk for pk in listed(api, ask) if pk >= own[0]] == seen
    assert [pk for pk in listed(program_of(doors, vera), ask) if pk >= own[0]] == seen
    assert listed(program_of(doors, sam), ask) == [pk for pk in seen if pk in own]
    assert listed(program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example")), ask) == []
    first = listed(api, f"leads?limit=1{order}")
    assert [*first, *listed(api, f"leads?limit=1&page=2{order}")] == listed(api, f"leads?limit=2{order}")


@pytest.mark.parametrize("plural", ["leads", "contacts", "companies"])
def test_the_nearest_task_narrows_every_list(api: Program, plural: str) -> None:
    soon, late, idle = made(api, plural, {"name": "A"}, {"name": "B"}, {"name": "C"})
    for pk, at in ((soon, 1_900_000_000), (soon, 1_950_000_000), (late, 1_950_000_000)):
        assert api.post("tasks", [{"text": "Call", "complete_till": at, "entity_id": pk, "entity_type": plural}]).status_code == 200
    assert listed(api, f"{plural}?filter[closest_task_at][from]=1890000000&filter[closest_task_at][to]=1910000000") == [soon]
    assert listed(api, f"{plural}?filter[closest_task_at][from]=1910000000") == [late]
    assert idle in listed(api, plural)
