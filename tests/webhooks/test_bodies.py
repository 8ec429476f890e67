"""The form bodies, as the reference says, read by a parser of PHP's brackets; and the JSON ones, with their signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from types import SimpleNamespace

import pytest

from crm_core.doors.amocrm import bodies_json, bodies_v2
from crm_core.engagement.notes import services as notes
from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.records import writing
from crm_core.groundwork.tags import services as tags
from crm_core.people.companies import services as companies
from crm_core.people.companies.kind import COMPANY
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.kind import CONTACT
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.models import Deal
from crm_core.sales.incoming.queries import firms_of
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from crm_platform.kernel import clock, secrets_box
from tests.doors.conftest import program_of
from tests.doors.test_records import made
from webhooks.outbound import services

from .conftest import ROBOT
from .receiver import php

LEAD = {"id", "name", "status_id", "price", "responsible_user_id", "last_modified", "modified_user_id", "created_user_id", "date_create", "pipeline_id", "account_id", "created_at", "updated_at"}


def test_leads_added_changed_moved_given_deleted_and_a_note(doors, receiver, hooked, serve) -> None:
    hooked(receiver, "add_lead", "update_lead", "status_lead", "responsible_lead", "delete_lead", "restore_lead", "note_lead")
    with doors.unit():
        olga = User.objects.get()
        vip = tags.ids_of("deal", ["VIP"])
        deal = deals.create_deal(ROBOT, name="Stoelen & banken", sum_minor=125_000, tag_ids=vip, responsible_id=olga.pk)
        first = deal.stage_id
    serve()
    added = receiver.got[-1].form
    assert receiver.got[-1].headers["content-type"] == "application/x-www-form-urlencoded"
    lead = added["leads"]["add"][0]
    assert set(lead) >= LEAD
    assert (lead["id"], lead["name"], lead["price"], lead["responsible_user_id"]) == (str(deal.pk), "Stoelen & banken", "1250", str(olga.pk))
    assert lead["tags"] == [{"id": str(vip[0]), "name": "VIP"}]
    assert lead["status_id"] == str(first + 1000)
    assert added["account"]["subdomain"] == doors.place.slug
    assert added["account"]["id"] == lead["account_id"]
    assert doors.place.slug in added["account"]["_links"]["self"]
    with doors.unit():
        deals.win_deal(ROBOT, deal.pk)
    serve()
    moved = receiver.got[-1].form["leads"]
    assert set(moved) == {"update", "status"}
    assert (moved["status"][0]["status_id"], moved["status"][0]["old_status_id"], moved["status"][0]["old_pipeline_id"]) == ("142", str(first + 1000), lead["pipeline_id"])
    assert "old_status_id" not in moved["update"][0]
    with doors.unit():
        deals.change_deal(ROBOT, deal.pk, responsible_id=None)
    serve()
    given = receiver.got[-1].form["leads"]
    assert set(given) == {"update", "responsible"}
    assert (given["responsible"][0]["responsible_user_id"], given["responsible"][0]["old_responsible_user_id"]) == ("0", str(olga.pk))
    with doors.unit():
        note = notes.add(ROBOT, entity="deal", pk=deal.pk, text="Строка = раз&два")
    serve()
    with doors.unit():
        call = notes.add(ROBOT, entity="deal", pk=deal.pk, text="Gebeld")
        Note.objects.filter(pk=call.pk).update(kind="call_in", params={"duration": 60})
    serve()
    rung = receiver.got[-1].form["leads"]["note"][0]["note"]
    assert (rung["id"], rung["note_type"], rung["params"]) == (str(call.pk), "10", {"duration": "60"})
    told = receiver.got[-2].form["leads"]["note"][0]["note"]
    assert (told["id"], told["note_type"], told["element_id"], told["element_type"], told["text"]) == (str(note.pk), "4", str(deal.pk), "2", "Строка = раз&два")
    with doors.unit():
        writing.put_in_bin(ROBOT, DEAL, [deal.pk])
        writing.restore(ROBOT, DEAL, [deal.pk])
    serve()
    assert receiver.got[-2].form["leads"] == {"delete": [{"id": str(deal.pk), "status_id": "142", "pipeline_id": lead["pipeline_id"]}]}
    assert receiver.got[-1].form["leads"]["restore"][0]["id"] == str(deal.pk)


def test_contacts_and_companies_come_under_contacts_with_their_type(doors, receiver, hooked, serve) -> None:
    hooked(receiver, *(f"{verb}_{name}" for verb in ("add", "update", "delete", "responsible", "note") for name in ("contact", "company")))
    with doors.unit():
        company = companies.create_company(ROBOT, name="Veldhuis BV", phones=[{"number": "+31205550188", "kind": "work"}])
        contact = contacts.create_contact(
            ROBOT, first_name="Anna", last_name="Smit", emails=[{"address": "anna@smit.example", "kind": "work"}], companies=[{"company_id": company.pk, "role": ""}]
        )
        deal = deals.create_deal(ROBOT, name="Lamp", contacts=[{"contact_id": contact.pk}])
    serve()
    [got] = receiver.got
    told = {one["type"]: one for one in got.form["contacts"]["add"]}
    assert (told["contact"]["name"], told["contact"]["company_name"], told["contact"]["linked_company_id"]) == ("Anna Smit", "Veldhuis BV", str(company.pk))
    assert told["contact"]["linked_leads_id"] == {str(deal.pk): {"ID": str(deal.pk)}}
    [email] = [one for one in told["contact"]["custom_fields"] if one["code"] == "EMAIL"]
    assert email["values"][0]["value"] == "anna@smit.example"
    assert email["values"][0]["enum"].isdecimal()
    [phone] = [one for one in told["company"]["custom_fields"] if one["code"] == "PHONE"]
    assert phone["values"][0]["value"] == "+31205550188"
    with doors.unit():
        companies.change_company(ROBOT, company.pk, name="Veldhuis NV", responsible_id=User.objects.get().pk)
        notes.add(ROBOT, entity="company", pk=company.pk, text="gebeld")
        notes.add(ROBOT, entity="contact", pk=contact.pk, text="gemaild")
        writing.put_in_bin(ROBOT, CONTACT, [contact.pk])
    serve()
    parts = [got.form for got in receiver.got[1:]]
    merged = {(root, action): items for part in parts for root in ("contacts", "companies") for action, items in part.get(root, {}).items()}
    assert merged["contacts", "update"][0]["name"] == "Veldhuis NV"
    assert merged["companies", "responsible"][0]["type"] == "company"
    assert merged["companies", "note"][0]["note"]["element_type"] == "3"
    assert merged["contacts", "note"][0]["note"]["text"] == "gemaild"
    assert merged["contacts", "delete"] == [{"id": str(contact.pk), "type": "contact"}]
    with doors.unit():
        writing.put_in_bin(ROBOT, COMPANY, [company.pk])
    serve()
    assert receiver.got[-1].form["contacts"]["delete"] == [{"id": str(company.pk), "type": "company"}]


def test_tasks(doors, receiver, hooked, serve) -> None:
    hooked(receiver, "add_task", "update_task", "delete_task", "responsible_task")
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Lamp")
        task = tasks.add(ROBOT, text="Bellen", due_at=clock.now(), type="call", entity="deal", record_id=deal.pk)
    serve()
    told = receiver.got[-1].form["task"]["add"][0]
    assert (told["element_id"], told["element_type"], told["task_type"], told["status"], told["text"]) == (str(deal.pk), "2", "1", "0", "Bellen")
    assert len(told["complete_till"]) == len("2026-11-27 10:00:00")
    with doors.unit():
        tasks.complete(ROBOT, task.pk, result="gedaan")
    serve()
    done = receiver.got[-1].form["task"]["update"][0]
    assert (done["status"], done["action_close"], done["result"]["text"]) == ("1", "1", "gedaan")
    with doors.unit():
        tasks.remove(ROBOT, task.pk)
    serve()
    assert receiver.got[-1].form["task"]["delete"][0]["id"] == str(task.pk)


def test_several_events_share_a_post_but_a_record_stands_in_it_once(doors, receiver, hooked, serve) -> None:
    hooked(receiver, "add_lead", "update_lead")
    with doors.unit():
        made = [deals.create_deal(ROBOT, name=f"Deal {number}") for number in range(30)]
        deals.change_deal(ROBOT, made[-1].pk, name="Anders")
    serve()
    told = [[lead["id"] for lead in got.form["leads"]["add"]] for got in receiver.got if "add" in got.form["leads"]]
    assert sorted(int(pk) for each in told for pk in each) == [deal.pk for deal in made]
    assert {len(each) for each in told} == {20, 10}
    [changed] = [got for got in receiver.got if "update" in got.form["leads"]]
    assert changed.form["leads"] == {"update": [dict(changed.form["leads"]["update"][0], name="Anders")]}
    assert receiver.got[-1] is changed


def test_a_change_that_nobody_asked_for_waits_for_no_relay(doors, receiver, hooked) -> None:
    hooked(receiver, "add_lead")
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Anna")
        deals.create_deal(ROBOT, name="Lamp")
    with doors.unit():
        assert list(Event.objects.filter(pending=True).values_list("name", flat=True)) == ["deal.created"]


def test_json_is_one_event_each_signed_as_standard_webhooks_do(doors, receiver, hooked, serve) -> None:
    hook = hooked(receiver, "status_lead", "update_lead", format="json")
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Lamp", sum_minor=99_50)
        stage = pipelines.everything().closing(deal.pipeline_id, StageKind.WON)
        deals.move_deal(ROBOT, deal.pk, stage_id=stage.pk)
    serve()
    [got] = receiver.got
    body = json.loads(got.body)
    assert (body["type"], body["settings"], body["data"]["status_id"], body["before"]["status_id"]) == ("lead.won", ["update_lead", "status_lead"], 142, deal.stage_id + 1000)
    assert body["data"]["price"] == 99
    _verify(got, secrets_box.decrypt(hook.secret))
    assert got.headers["x-delivery-id"] == got.headers["webhook-id"]
    assert got.headers["x-event-time"] == body["timestamp"]


def _verify(got, secret: str) -> None:
    """By the words of the specification, not by our own code."""
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    standard = base64.b64encode(hmac.new(base64.b64decode(secret.split("_", 1)[1]), signed, hashlib.sha256).digest()).decode()
    assert f"v1,{standard}" in got.headers["webhook-signature"].split(" ")
    assert f"sha256={hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()}" in got.headers["x-signature"].split(", ")


def test_the_form_is_signed_too_and_both_secrets_are_good_for_a_day(doors, receiver, hooked, serve) -> None:
    hook = hooked(receiver, "add_lead")
    earlier = secrets_box.decrypt(hook.secret)
    with doors.unit():
        newest = secrets_box.decrypt(services.rotate_secret(ROBOT, hook.pk).secret)
        deals.create_deal(ROBOT, name="Lamp")
    assert newest != earlier
    serve()
    for secret in (earlier, newest):
        _verify(receiver.got[-1], secret)
    with doors.unit():
        hook.refresh_from_db()
        hook.earlier_until = clock.real_now()
        hook.save()
        deals.create_deal(ROBOT, name="Tafel")
    serve()
    assert len(receiver.got[-1].headers["webhook-signature"].split(" ")) == 1
    _verify(receiver.got[-1], newest)


@pytest.mark.parametrize(("currency", "minor", "price"), [("JPY", 5000, 5000), ("EUR", 11_50, 11), ("EUR", 12_99, 12), ("EUR", None, 0)])
def test_a_price_is_what_the_api_tells(doors, receiver, hooked, serve, currency: str, minor: int | None, price: int) -> None:
    hooked(receiver, "add_lead")
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="A", currency=currency, sum_minor=minor)
        assert bodies_json._lead(deal, bodies_v2.Records([]))["price"] == price
    serve()
    assert receiver.got[-1].form["leads"]["add"][0]["price"] == str(price)
    assert program_of(doors).get(f"leads/{deal.pk}").json()["price"] == price


def test_a_reason_that_nobody_gave_is_none_for_webhooks_too(doors) -> None:
    api = program_of(doors)
    reason = api.post("leads/loss_reasons", [{"name": "Too dear"}]).json()["_embedded"]["loss_reasons"][0]["id"]
    given, unsaid = made(api, "leads", {"name": "A", "status_id": 143, "loss_reason_id": reason}, {"name": "B", "status_id": 143})
    with doors.unit():
        told = {deal.pk: bodies_json._lead(deal, bodies_v2.Records([]))["loss_reason_id"] for deal in Deal.objects.all()}
    assert told == {given: reason, unsaid: None} == {pk: api.get(f"leads/{pk}").json()["loss_reason_id"] for pk in (given, unsaid)}


def test_incoming_leads(inside) -> None:
    """By a lead that stands for one of the inbox: uid, category, what came in; accepted and declined as a deletion."""
    into = pipelines.first().pk
    deal = deals.create_deal(ROBOT, name="Lamp", company_id=companies.create_company(ROBOT, name="Maison").pk)
    lead = SimpleNamespace(
        pk=1, state="accepted", uid="a1b2", category="forms", pipeline_id=None, source=None, received_at=clock.now(), deal_id=deal.pk, contact_id=8, metadata={"form_id": "f1", "referer": "https://shop.example/?a=1"},
        contents={"lead": {"name": "Lamp"}, "contacts": [{"name": "Anna"}]},
    )  # fmt: skip

    records = bodies_v2.Records([])
    records.firms = firms_of([lead])

    def told(name: str, action: str, **after: int):
        event = Event(name=name, entity="incoming", record_id=1, actor_id=5, after=after)
        root, item = bodies_v2._DRAW["incoming"](bodies_v2._Told(event, action, lead, records))
        return php(bodies_v2.write([{"root": root, "action": action, "item": item}]))["unsorted"][action][0]

    added = told("incoming.received", "add")
    assert (added["uid"], added["category"], added["pipeline_id"], added["source_data"]["form_id"]) == ("a1b2", "forms", str(into), "f1")
    assert added["data"] == {"leads": [{"name": "Lamp"}], "contacts": [{"name": "Anna"}]}
    accepted = told("incoming.accepted", "delete")
    assert (accepted["action"], accepted["accept_result"]) == ("accept", {"leads": [str(deal.pk)], "contacts": ["8"], "companies": [str(deal.company_id)]})
    lead.contents["people"] = [8, 9]
    assert told("incoming.accepted", "delete")["accept_result"]["contacts"] == ["8", "9"]
    assert bodies_json._unsorted(lead, records)["_embedded"] == {"leads": [{"id": deal.pk}], "companies": [{"id": deal.company_id}], "contacts": [{"id": 8}, {"id": 9}]}
    assert told("incoming.linked", "delete", customer_id=9)["accept_result"]["customers"] == ["9"]
    records.put_to = {lead.pk: 9}
    assert bodies_json._unsorted(lead, records)["_embedded"]["customers"] == [{"id": 9}]
    declined = told("incoming.declined", "delete")
    assert (declined["action"], "decline_result" in declined) == ("decline", False)


def test_an_incoming_lead_that_was_put_to_a_customer_tells_it_in_json(doors, receiver, hooked, serve) -> None:
    api = program_of(doors)
    hooked(receiver, "delete_unsorted", format="json")
    customer = api.post("customers", [{"name": "Bakery", "next_date": 1_900_000_000}]).json()["_embedded"]["customers"][0]["id"]
    given = {"source_uid": "s", "source_name": "Site", "metadata": {"form_id": "f", "form_name": "F", "form_page": "https://a.example", "form_sent_at": 1_700_000_000, "ip": "192.0.2.1", "referer": "x"}}
    uids = [row["uid"] for row in api.post("leads/unsorted/forms", [given, given]).json()["_embedded"]["unsorted"]]
    assert api.post(f"leads/unsorted/{uids[0]}/link", {"link": {"entity_id": customer, "entity_type": "customers"}}).status_code == 200
    assert api.delete(f"leads/unsorted/{uids[1]}/decline").status_code == 200
    serve()
    told = {body["data"]["uid"]: body["data"]["_embedded"].get("customers") for body in (json.loads(got.body) for got in receiver.got)}
    assert told == {uids[0]: [{"id": customer}], uids[1]: None}


def test_what_programs_keep_of_customers_talks_and_lists_is_told_to_the_others(doors, receiver, hooked, serve) -> None:
    api = program_of(doors)
    hooked(receiver, *(f"{verb}_{name}" for name in ("customer", "talk", "catalog_element") for verb in ("add", "update")), "delete_customer", "status_customer", "responsible_customer", "note_customer", "add_task")

    def told() -> dict[str, dict[str, dict[str, object]]]:
        serve()
        return {root: {action: items[0] for action, items in actions.items()} for root, actions in receiver.got[-1].form.items() if root != "account"}

    (customer,) = made(api, "customers", {"name": "Bakery", "next_price": 5, "next_date": 1_900_000_000, "_embedded": {"tags": [{"name": "VIP"}]}})
    row = told()["customers"]["add"]
    assert (row["id"], row["name"], row["next_price"], row["account_id"]) == (str(customer), "Bakery", "5", receiver.got[-1].form["account"]["id"])
    assert ([tag["name"] for tag in row["tags"]], "tag_ids" in row) == (["VIP"], False)
    status = api.post("customers/statuses", [{"name": "A"}]).json()["_embedded"]["statuses"][0]["id"]
    assert api.patch(f"customers/{customer}", {"status_id": status}).status_code == 200
    moved = told()["customers"]
    assert (set(moved), moved["status"]["status_id"], moved["status"]["old_status_id"]) == ({"update", "status"}, str(status), "0")
    talk = api.post("talks", [{"contact_id": made(api, "contacts", {"name": "Anna"})[0]}]).json()["_embedded"]["talks"][0]["talk_id"]
    assert told()["talk"]["add"]["talk_id"] == str(talk)
    (note,) = api.post(f"customers/{customer}/notes", [{"note_type": "common", "params": {"text": "Rang"}}]).json()["_embedded"]["notes"]
    written = told()["customers"]["note"]["note"]
    assert (written["id"], written["element_id"], written["element_type"], written["text"]) == (str(note["id"]), str(customer), "12", "Rang")
    catalog = api.post("catalogs", [{"name": "Woods"}]).json()["_embedded"]["catalogs"][0]["id"]
    element = api.post(f"catalogs/{catalog}/elements", [{"name": "Oak"}]).json()["_embedded"]["elements"][0]["id"]
    oak = told()["catalogs"]["add"]
    assert (oak["id"], oak["catalog_id"], oak["name"]) == (str(element), str(catalog), "Oak")
    api.post("tasks", [{"text": "Ring", "complete_till": 1_900_000_000, "entity_type": "customers", "entity_id": customer}])
    serve()
    promised = receiver.got[-1].form["task"]["add"][0]
    assert (promised["element_id"], promised["element_type"], promised["text"]) == (str(customer), "12", "Ring")
    assert api.delete(f"customers/{customer}").status_code == 204
    assert told()["customers"] == {"delete": {"id": str(customer)}}
    hooked(receiver, "update_customer", format="json")
    (other,) = made(api, "customers", {"name": "Mill", "next_date": 1_900_000_000})
    api.patch(f"customers/{other}", {"name": "Mills"})
    serve()
    body = json.loads(receiver.got[-1].body)
    assert (body["type"], body["data"]["id"], body["data"]["name"], body["before"]) == ("customer.changed", other, "Mills", {"name": "Mill"})
