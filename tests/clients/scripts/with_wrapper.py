"""The calls of amocrm-api-wrapper 0.0.20 for the resources we have, asserting on what comes back."""

import json
import os
import sys
import time
from typing import Any

from amocrm_api import AmoOAuthClient
from wrapper_answers import only, refused

CALLS: list[str] = []
Client = Any


def account_and_people(client: Client) -> None:
    told = client.get_account_info(with_amojo_id=True, with_amojo_rights=True, with_users_groups=True, with_task_types=True, with_version=True, with_datetime_settings=True)
    assert told["id"]
    assert {"users_groups", "task_types", "datetime_settings", "amojo_rights"} <= told["_embedded"].keys()
    users = client.get_users(with_role=True, with_group=True)["_embedded"]["users"]
    assert {"id", "email", "rights"} <= users[0].keys()
    assert client.get_user(users[0]["id"], with_role=True, with_group=True)["email"] == users[0]["email"]
    CALLS.extend(["get_account_info", "get_users", "get_user"])


def leads(client: Client) -> int:
    made = client.create_leads([{"name": "wrap 1", "price": 10, "_embedded": {"tags": [{"name": "wrapped"}]}}, {"name": "wrap 2", "request_id": 7}])["_embedded"]["leads"]
    assert [item["request_id"] for item in made] == ["0", "7"]
    one, two = (int(item["id"]) for item in made)
    assert client.get_lead(one)["price"] == 10
    assert only(client.update_leads([{"id": one, "price": 15}]), "leads")["id"] == one
    listed = client.get_leads(limit=250, with_params=["contacts", "loss_reason"], filter_ids=[one, two], order={"id": "desc"})["_embedded"]["leads"]
    assert [lead["id"] for lead in listed] == [two, one]
    assert listed[1]["price"] == 15
    since = client.get_leads(filters={"created_at__from": int(time.time()) - 600, "updated_at__to": int(time.time()) + 60, "price": 15})["_embedded"]["leads"]
    assert one in [lead["id"] for lead in since]
    assert client.get_lead(999_999_999) == {}
    assert client.get_leads(filters={"created_at__from": int(time.time()) + 9_000}) == {}
    assert "wrapped" in [tag["name"] for tag in client.get_tags_by_entity_type("leads", filters={"name": "wrapped"})["_embedded"]["tags"]]
    assert only(client.add_tags_for_entity_type("leads", [{"name": "wrapped too"}]), "tags")["name"] == "wrapped too"
    assert "NotSupportedChoice" in refused(client.create_leads, [{"name": "x", "status_id": 5}])
    CALLS.extend(["create_leads", "get_lead", "update_leads", "get_leads", "get_tags_by_entity_type", "add_tags_for_entity_type", "a refusal"])
    return two


def people_and_links(client: Client, lead: int) -> int:
    made = only(client.create_contacts([{"first_name": "Wrap", "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "wrap@example.com", "enum_code": "WORK"}]}]}]), "contacts")
    contact = int(made["id"])
    assert client.get_contact(contact)["first_name"] == "Wrap"
    assert only(client.update_contacts([{"id": contact, "last_name": "Per"}]), "contacts")["name"] == "Wrap Per"
    assert contact in [one["id"] for one in client.get_contacts(with_params=["leads"], order={"id": "desc"})["_embedded"]["contacts"]]
    company = int(only(client.create_companies([{"name": "Wrap & Co"}]), "companies")["id"])
    assert client.get_company(company)["name"] == "Wrap & Co"
    assert only(client.update_companies([{"name": "Wrap & Sons"}]), "companies")["id"] != company  # it posts: a new one is what it asks for
    assert company in [one["id"] for one in client.get_companies(order={"id": "desc"})["_embedded"]["companies"]]
    client.link_leads_entity(lead, [{"to_entity_id": contact, "to_entity_type": "contacts", "metadata": {"is_main": True}}])
    client.link_contacts_entity(contact, [{"to_entity_id": company, "to_entity_type": "companies"}])
    assert only(client.get_leads_links(lead, {"to_entity_type": "contacts"}), "links")["to_entity_id"] == contact
    assert (contact, "contacts") in [(one["to_entity_id"], one["to_entity_type"]) for one in client.get_companies_links(company)["_embedded"]["links"]]
    assert {one["to_entity_type"] for one in client.get_contacts_links(contact)["_embedded"]["links"]} == {"leads", "companies"}
    client.unlink_leads_entity(lead, [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    client.unlink_contacts_entity(contact, [{"to_entity_id": company, "to_entity_type": "companies"}])
    client.link_companies_entity(company, [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    client.unlink_companies_entity(company, [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    assert client.get_contacts_links(contact)["_embedded"]["links"] == []
    CALLS.extend([
        "create_contacts", "get_contact", "update_contacts", "get_contacts", "create_companies", "get_company", "update_companies", "get_companies",
        "link_leads_entity", "link_contacts_entity", "link_companies_entity", "get_leads_links", "get_contacts_links", "get_companies_links",
        "unlink_leads_entity", "unlink_contacts_entity", "unlink_companies_entity",
    ])  # fmt: skip
    return contact


def pipelines(client: Client) -> None:
    statuses = [{"name": "First", "sort": 10, "color": "#fffeb2"}]
    made = only(client.create_pipeline("Wrapped", 90, False, statuses, request_id="mine"), "pipelines")
    pk = made["id"]
    assert {142, 143} <= {one["id"] for one in made["_embedded"]["statuses"]}
    assert client.get_pipeline(pk)["name"] == "Wrapped"
    assert client.edit_pipeline(pk, "Wrapped up", 95, False, False)["name"] == "Wrapped up"
    assert pk in [one["id"] for one in client.get_pipelines()["_embedded"]["pipelines"]]
    status = only(client.add_statuses_to_pipeline(pk, [{"name": "Second", "sort": 20, "color": "#fffeb2"}]), "statuses")["id"]
    assert client.get_pipeline_status(pk, status)["name"] == "Second"
    assert client.edit_pipeline_status(pk, status, "Third", 30, "#99ccff")["name"] == "Third"
    assert status in [one["id"] for one in client.get_pipeline_statuses(pk)["_embedded"]["statuses"]]
    client.delete_status_from_pipeline(pk, status)
    client.delete_pipeline(pk)
    assert pk not in [one["id"] for one in client.get_pipelines()["_embedded"]["pipelines"]]
    CALLS.extend([
        "create_pipeline", "get_pipeline", "edit_pipeline", "get_pipelines", "add_statuses_to_pipeline", "get_pipeline_status", "edit_pipeline_status",
        "get_pipeline_statuses", "delete_status_from_pipeline", "delete_pipeline",
    ])  # fmt: skip


def custom_fields(client: Client) -> None:
    for owner, singular in (("leads", "leads"), ("contacts", "contacts"), ("companies", "companies"), ("customers", "customers"), ("customer_segments", "customers_segments")):
        plural = "customers_segments" if singular == "customers_segments" else owner
        made = only(getattr(client, f"create_{plural}_custom_fields")([{"name": f"Wrapped {owner}", "type": "text"}]), "custom_fields")
        assert only(getattr(client, f"update_{plural}_custom_fields")([{"id": made["id"], "name": f"Rewrapped {owner}"}]), "custom_fields")["name"] == f"Rewrapped {owner}"
        assert getattr(client, f"get_{plural}_custom_field")(made["id"])["type"] == "text"
        assert made["id"] in [one["id"] for one in getattr(client, f"get_{owner}_custom_fields")(page=1)["_embedded"]["custom_fields"]]
        CALLS.extend([f"create_{plural}_custom_fields", f"update_{plural}_custom_fields", f"get_{plural}_custom_field", f"get_{owner}_custom_fields"])


def work(client: Client, lead: int, contact: int) -> None:
    task = only(client.add_tasks([{"text": "wrap", "complete_till": int(time.time()) + 3600, "entity_id": lead, "entity_type": "leads", "task_type_id": 1}]), "tasks")["id"]
    assert only(client.update_tasks([{"id": task, "text": "wrapped"}]), "tasks")["id"] == task
    assert client.execution_task(task, True, "done")["id"] == task
    assert client.get_task(task)["result"] == {"text": "done"}
    assert task in [one["id"] for one in client.get_tasks(filters={"entity_id": lead, "is_completed": 1}, order={"id": "desc"})["_embedded"]["tasks"]]
    note = only(client.create_entity_note("leads", [{"note_type": "common", "params": {"text": "from wrap"}}], lead), "notes")["id"]
    other = only(client.create_entity_note("contacts", [{"entity_id": contact, "note_type": "call_in", "params": {"uniq": "1", "duration": 5, "source": "x", "phone": "+31205550142"}}]), "notes")["id"]
    assert client.update_entity_note("leads", lead, note, {"note_type": "common", "params": {"text": "again"}})["id"] == note
    assert only(client.update_entity_many_notes("leads", [{"id": note, "note_type": "common", "params": {"text": "thrice"}}], lead), "notes")["id"] == note
    assert client.get_entity_note("leads", note, lead)["params"]["text"] == "thrice"
    assert client.get_entity_note("contacts", other)["note_type"] == "call_in"
    assert note in [one["id"] for one in client.get_notes_by_entity_type("leads", filter_by_note_type="common", filter_by_updated_at_from=1)["_embedded"]["notes"]]
    assert only(client.get_notes_by_entity_type_and_entity_id("leads", lead, filter_by_id=note), "notes")["id"] == note
    types = client.get_events_type()["_embedded"]["events_types"]
    assert "lead_added" in [one["key"] for one in types]
    events = client.get_events(filter_by_entity="lead", filter_by_entity_id=lead, filter_by_type="lead_added")["_embedded"]["events"]
    assert client.get_event(events[0]["id"])["entity_id"] == lead
    CALLS.extend([
        "add_tasks", "update_tasks", "execution_task", "get_task", "get_tasks", "create_entity_note", "update_entity_note", "update_entity_many_notes",
        "get_entity_note", "get_notes_by_entity_type", "get_notes_by_entity_type_and_entity_id", "get_events_type", "get_events", "get_event",
    ])  # fmt: skip


def unsorted(client: Client, user: int) -> None:
    form = {"form_id": "site", "form_name": "Site", "form_page": "https://example.com", "form_sent_at": int(time.time()), "ip": "203.0.113.7", "referer": "https://example.com"}
    asked = only(client.create_unsorted_by_form("wrap-1", "Site", form, {"name": "Wrap Asks"}, {"name": "wrap asks"}, {"name": "Wrap & Co"}), "unsorted")["uid"]
    call = {"from": "+31205550157", "phone": "+31205550100", "called_at": int(time.time()), "duration": 61, "link": "https://example.com/a.mp3", "service_code": "tel", "uniq": "w1"}
    called = only(client.create_unsorted_by_sip("wrap-2", "Phone", call, {"name": "Wrap Calls"}, {"name": "wrap calls"}, {"name": "Wrap & Co"}), "unsorted")["uid"]
    assert client.get_unsorted_by_uid(called)["category"] == "sip"
    assert {asked, called} <= {one["uid"] for one in client.get_unsorted_leads(order_by={"created_at": "desc"})["_embedded"]["unsorted"]}
    assert client.get_summary_unsorted()["total"] >= 2
    status = next(one["id"] for one in client.get_pipelines()["_embedded"]["pipelines"][0]["_embedded"]["statuses"] if one["type"] == 0 and one["id"] > 143)
    assert client.accept_unsorted(asked, user, status)["_embedded"]["leads"][0]["id"]
    CALLS.extend(["create_unsorted_by_form", "create_unsorted_by_sip", "get_unsorted_by_uid", "get_unsorted_leads", "get_summary_unsorted", "accept_unsorted"])


def main() -> None:
    client = AmoOAuthClient(os.environ["TOKEN"], "none", os.environ["KARTOTEKA"], "none", "none", "https://example.com")
    account_and_people(client)
    lead = leads(client)
    contact = people_and_links(client, lead)
    pipelines(client)
    custom_fields(client)
    work(client, lead, contact)
    unsorted(client, client.get_users()["_embedded"]["users"][0]["id"])
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


main()
