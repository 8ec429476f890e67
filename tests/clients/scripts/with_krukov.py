"""The calls of amocrm-api 2.6.1 for the resources we have; its host is written into it, so it comes through the proxy."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta

from amocrm.v2 import (
    Company,
    Contact,
    Event,
    Lead,
    Pipeline,
    Status,
    Tag,
    Task,
    User,
    custom_field,
    exceptions,
    filters,
    tokens,
)
from amocrm.v2.account import Account, AccountInteraction

CALLS: list[str] = []


class Person(Contact):  # type: ignore[misc]
    """A contact with the fields that every account has, as the client's own page tells to write it."""

    phone = custom_field.ContactPhoneField("Phone", enum_code="WORK")
    email = custom_field.ContactEmailField("Email", enum_code="WORK")


def account() -> None:
    # Its own get_account_info asks for a method that the client does not have: below that it works.
    told = Account(data=AccountInteraction().get(include=Account._get_embedded_fields()))
    assert told.subdomain == os.environ["SLUG"]
    assert told.task_types
    assert told.datetime_settings["timezone"]
    assert told.current_user.email
    owner = next(User.objects.all())
    assert User.objects.get(owner.id).email == owner.email
    assert User.objects.get(query=owner.name).id == owner.id
    assert owner.is_active
    CALLS.extend(["account", "users.all", "users.get", "users by a query"])


def pipelines() -> None:
    first = next(Pipeline.objects.all())
    assert Pipeline.objects.get(first.id).is_main in (True, False)
    statuses = {status.id: status for status in Status.get_for(first).all()}
    assert {142, 143} <= statuses.keys()
    assert {status.id for status in first.statuses} == statuses.keys()
    named = next(iter(statuses.values()))
    assert Status.get_for(first.id).get(query=named.name).id == named.id
    CALLS.extend(["pipelines.all", "pipelines.get", "statuses.all", "statuses by a query"])


def leads() -> Lead:
    lead = Lead(name="kru 1", price=1234).save()
    assert lead.id
    read = Lead.objects.get(lead.id)
    assert (read.name, read.price, read.is_deleted) == ("kru 1", 1234, False)
    assert not read.loss_reason
    assert read.status.name
    assert read.responsible_user.email
    assert read.created_at.replace(tzinfo=UTC) <= datetime.now(UTC) + timedelta(minutes=1)
    assert repr(read)
    read.price = 1300
    read.tags.append("kru")
    read.save()
    again = Lead.objects.get(lead.id)
    assert again.price == 1300
    assert [tag.name for tag in again.tags] == ["kru"]
    again.tags.remove("kru")
    again.save()
    assert list(Lead.objects.get(lead.id).tags) == []
    again.status = next(status for status in again.pipeline.statuses if status.id == 142)
    again.save()
    assert Lead.objects.get(lead.id).closed_at
    made = Lead.objects.create(name="kru 2", price=7)
    assert Lead.objects.update(made.id, price=8)["id"] == made.id
    CALLS.extend(["leads.save", "leads.get", "leads.update", "leads.tags", "leads.status", "leads.create"])
    return Lead.objects.get(made.id)


def lists(lead: Lead) -> None:
    ids = [one.id for one in Lead.objects.all()]
    assert lead.id in ids
    assert len(ids) == len(set(ids))
    assert [one.id for one in Lead.objects.filter(filters=[filters.SingleListFilter("id")(lead.id)])] == [lead.id]
    assert lead.id in [one.id for one in Lead.objects.filter(filters=[filters.RangeFilter("price")(8, 8)])]
    now = datetime.now(UTC)
    assert lead.id in [one.id for one in Lead.objects.filter(filters=[filters.DateRangeFilter("created_at")(now - timedelta(hours=1), now + timedelta(hours=1))])]
    at = filters.FiltersByPipelineAndStatus("statuses")(lead.pipeline.id, lead.status.id)
    assert lead.id in [one.id for one in Lead.objects.filter(filters=[at], order={"created_at": "desc"})]
    assert Lead.objects.get(query="kru 2").id == lead.id
    assert "kru" in [tag.name for tag in Tag.leads.all()]
    assert Tag.leads.create(name="kru too").id
    try:
        Lead.objects.get(999_999_999)
    except exceptions.NotFound:
        CALLS.append("a lead of none")
    try:
        Lead.objects.create(name="x", status_id=5)
    except exceptions.ValidationError:
        CALLS.append("a refusal")
    CALLS.extend(["leads.all", "leads by ids", "leads by price", "leads by time", "leads by status", "leads by a query", "tags.all", "tags.create"])


def people(lead: Lead) -> None:
    person = Person(name="Kru Kov", first_name="Kru", last_name="Kov")
    person.phone, person.email = "+31205550199", "kru@example.com"
    person.save()
    read = Person.objects.get(person.id)
    assert (read.first_name, read.phone, read.email) == ("Kru", "+31205550199", "kru@example.com")
    read.phone = "+31205550198"
    read.save()
    assert Person.objects.get(person.id).phone == "+31205550198"
    company = Company(name="Kru & Co").save()
    contact = Contact.objects.get(person.id)
    contact.company = Company.objects.get(company.id)
    assert Contact.objects.get(person.id).company.name == "Kru & Co"
    lead.contacts.append(contact, main=True)
    assert [one.id for one in Lead.objects.get(lead.id).contacts] == [contact.id]
    assert [one.id for one in Contact.objects.get(person.id).leads] == [lead.id]
    assert [one.id for one in Company.objects.get(company.id).contacts] == [contact.id]
    codes = {field.code for field in custom_field.CustomFieldModel.get_for(contact)}
    assert {"PHONE", "EMAIL"} <= codes
    CALLS.extend(["contacts.save", "contacts.get", "contacts.update", "companies.save", "companies.get", "links", "custom_fields.all"])


def work(lead: Lead) -> None:
    task = Task(text="kru", complete_till=datetime.now(UTC) + timedelta(days=1), task_type_id=1)
    lead.tasks.add(task)
    read = Task.objects.get(task.id)
    assert (read.text, read.entity_id, read.is_completed, read.result) == ("kru", lead.id, False, None)
    assert read.entity.id == lead.id
    Task.objects.update(task.id, is_completed=True, result={"text": "done"})
    assert Task.objects.get(task.id).result == "done"
    assert task.id in [one.id for one in lead.tasks.__iter__()]
    note = lead.notes(text="from kru").save()
    assert lead.notes.objects.get(note.id).text == "from kru"
    assert [one.id for one in lead.notes.objects.all()] == [note.id]
    assert lead.notes.objects.update(note.id, note_type="common", params={"text": "anew"})["id"] == note.id
    events = list(Event.objects.filter(filters=[filters.SingleFilter("entity")("lead"), filters.SingleFilter("entity_id")(lead.id)]))
    assert "lead_added" in [event.type for event in events if event.value_after is None or event.value_after]
    CALLS.extend(["tasks.add", "tasks.get", "tasks.update", "tasks of a lead", "notes.save", "notes.get", "notes.all", "notes.update", "events"])


def main() -> None:
    store = tokens.MemoryTokensStorage()
    store.save_tokens(os.environ["TOKEN"], "none")
    tokens.default_token_manager(client_id="none", client_secret="none", subdomain=os.environ["SLUG"], redirect_url="https://example.com", storage=store)
    account()
    pipelines()
    lead = leads()
    lists(lead)
    people(lead)
    work(lead)
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


main()
