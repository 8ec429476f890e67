"""The other calls of amocrm-api 2.6.1: its tokens, customers, calls, custom fields of every kind, notes and tasks of people and firms; through the proxy."""

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

import jwt
from amocrm.v2 import (
    Call,
    CallDuration,
    CallStatus,
    Company,
    Contact,
    Event,
    Lead,
    Tag,
    Task,
    User,
    custom_field,
    exceptions,
    filters,
    tokens,
)
from amocrm.v2.entity.customer import Customer, CustomersInteraction
from amocrm.v2.interaction import GenericInteraction

CALLS: list[str] = []


class Order(Lead):  # type: ignore[misc]
    """A lead with a field of each kind."""

    text = custom_field.TextCustomField("Kru text")
    area = custom_field.TextAreaCustomField("Kru textarea")
    url = custom_field.UrlCustomField("Kru url")
    street = custom_field.StreetAddressCustomField("Kru streetaddress")
    number = custom_field.NumericCustomField("Kru numeric")
    flag = custom_field.CheckboxCustomField("Kru checkbox")
    day = custom_field.DateCustomField("Kru date")
    moment = custom_field.DateTimeCustomField("Kru date_time")
    wood = custom_field.SelectCustomField("Kru select")
    radio = custom_field.RadioButtonCustomField("Kru radiobutton")
    many = custom_field.MultiSelectCustomField("Kru multiselect")


def let_in() -> None:
    """A code, then an access token that has run out: the client renews it before its next call."""
    manager, store = tokens.default_token_manager, tokens.FileTokensStorage(tempfile.mkdtemp())
    manager(client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"], subdomain=os.environ["SLUG"], redirect_url=os.environ["REDIRECT_URI"], storage=store)
    manager.init(os.environ["CODE"])
    first = (store.get_access_token(), store.get_refresh_token())
    assert all(first)
    try:
        manager.init(os.environ["CODE"])
    except Exception as refused:
        assert "revoked" in str(refused)  # noqa: PT017 (the client raises a bare Exception with our hint)
    else:
        raise AssertionError("a code a second time")
    manager.init(os.environ["CODE"], skip_error=True)
    store.save_tokens(jwt.encode({"exp": 1}, "x" * 32), first[1])
    assert next(User.objects.all()).email
    assert store.get_refresh_token() != first[1]
    assert manager.get_access_token() == store.get_access_token()
    CALLS.extend(["tokens.init", "tokens.init a second time", "tokens refreshed", "tokens kept in files"])


def customers() -> None:
    mode = CustomersInteraction()
    assert mode.disable()["is_enabled"] is False
    told = mode.enable(mode="segments")
    assert (told["mode"], told["is_enabled"]) == ("segments", True)
    made = Customer.objects.create(name="Kru buys", next_price=500, next_date=int(time.time()) + 86_400)
    customer = Customer.objects.get(made.id)
    assert (customer.name, customer.next_price, customer.purchases_count, customer.is_deleted) == ("Kru buys", 500, 0, False)
    assert customer.responsible_user.email
    assert customer.next_date > datetime.now()  # noqa: DTZ005 (the client's moments have no zone)
    customer.name = "Kru buys more"
    customer.tags.append("kru customer")
    customer.save()
    again = Customer.objects.get(made.id)
    assert (again.name, [tag.name for tag in again.tags]) == ("Kru buys more", ["kru customer"])
    contact = Contact(name="Kru Buyer").save()
    again.contacts.append(contact)
    assert [one.id for one in Customer.objects.get(made.id).contacts] == [contact.id]
    company = Company(name="Kru Buyers").save()
    again.company = company
    assert Customer.objects.get(made.id).company.id == company.id
    again.contacts.remove(contact)  # the client asks for `link` here as well, so nothing is taken away; it must not fail
    assert made.id in [one.id for one in Customer.objects.all()]
    assert made.id in [one.id for one in Customer.objects.filter(query="Kru buys more")]
    assert Customer.objects.update(made.id, next_price=700)["id"] == made.id
    CALLS.extend([
        "customers.enable", "customers.disable", "customers.create", "customers.get", "customers.save", "customers.tags", "customers.contacts", "customers.company", "customers.all", "customers by a query", "customers.update",
    ])  # fmt: skip


def calls() -> None:
    phone = f"+3120{str(int(time.time()))[-7:]}"
    person = Contact.objects.create(first_name="Kru", last_name="Rings", custom_fields_values=[{"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}])
    now = datetime.now(UTC)
    owner = next(User.objects.all())
    told = Call().create(CallDuration.INBOUND, phone, "kru", timedelta(seconds=61), uniq=f"kru-{time.time()}", link="https://example.com/a.mp3", result="spoke", status=CallStatus.SUCCESS, created_by=owner, created_at=now, updated_at=now)
    assert (told["entity_id"], told["entity_type"]) == (person.id, "contact")
    try:
        Call().create("sideways", phone, "kru", 5)
    except exceptions.ValidationError:
        CALLS.append("calls.create refused")
    CALLS.append("calls.create")


def fields() -> None:
    definitions = GenericInteraction(path="leads/custom_fields", field="custom_fields")
    for kind in ("text", "textarea", "url", "streetaddress", "numeric", "checkbox", "date", "date_time", "select", "radiobutton", "multiselect"):
        options = {"enums": [{"value": "Oak", "sort": 1}, {"value": "Ash", "sort": 2}]} if kind in ("select", "radiobutton", "multiselect") else {}
        assert definitions.create({"name": f"Kru {kind}", "type": kind, **options})["id"]
    at = datetime(2026, 5, 4, 12, 30)  # noqa: DTZ001 (the client's moments have no zone)
    order = Order(name="kru order")
    order.text, order.area, order.url, order.street, order.number, order.flag = "one", "two\nlines", "https://example.com/", "Herengracht 1", 12.5, True
    order.day, order.moment, order.wood, order.radio, order.many = at, at, "Oak", "Ash", ["Oak", "Ash"]
    order.save()
    read = Order.objects.get(order.id)
    assert (read.text, read.area, read.url, read.street, read.number, read.flag) == ("one", "two\nlines", "https://example.com/", "Herengracht 1", 12.5, True)
    assert abs(read.day - at.date()) <= timedelta(days=1)  # the client reads midnight of the firm in its own zone
    assert read.moment == at
    assert (read.wood.value, read.radio.value, [one.value for one in read.many]) == ("Oak", "Ash", ["Oak", "Ash"])
    assert all(one.id for one in (read.wood, read.radio, *read.many))
    read.wood = custom_field.SelectValue(id=read.radio.id and read.wood.id, value="Oak")
    read.many = [read.many[1]]
    read.save()
    assert [one.value for one in Order.objects.get(order.id).many] == ["Ash"]
    try:
        custom_field.CustomFieldModel.create_for(order, "Kru untyped")
    except exceptions.ValidationError:
        CALLS.append("a field without a type")
    CALLS.extend(["custom_fields.create", "fields of eleven kinds"])


def around() -> None:
    for model, owners, word in ((Contact, Tag.contacts, "contact"), (Company, Tag.companies, "company")):
        one = model(name=f"Kru {word}").save()
        one.tags.append(f"kru {word}")
        one.save()
        read = model.objects.get(one.id)
        assert [tag.name for tag in read.tags] == [f"kru {word}"]
        assert f"kru {word}" in [tag.name for tag in owners.all()]
        task = Task(text=f"kru {word}", complete_till=datetime.now(UTC) + timedelta(days=1), task_type_id=1)
        read.tasks.add(task)
        assert [found.id for found in model.objects.get(one.id).tasks.__iter__()] == [task.id]
        note = read.notes(text=f"of a {word}").save()
        assert read.notes.objects.get(note.id).text == f"of a {word}"
        call = read.notes(uniq=f"kru-{word}", duration=5, source="kru", link="https://example.com/a.mp3", phone="+31205550142").save()
        assert read.notes.objects.get(call.id).note_type == "call_in"
        place = read.notes.objects.create(note_type="geolocation", params={"text": "here", "address": "Dam", "longitude": "4.9", "latitude": "52.4"})
        assert read.notes.objects.get(place.id).address == "Dam"
        assert one.id in [found.id for found in model.objects.filter(filters=[filters.MultiFilter("id")(one.id)])]
        assert model.objects.get(query=f"Kru {word}").id == one.id
        CALLS.extend(f"{word}s: {call}" for call in ("tags", "tasks", "notes", "calls as notes", "places as notes", "by ids", "by a query"))
    lead = Lead(name="kru moves").save()
    home = lead.pipeline if lead._data.get("pipeline_id") else Lead.objects.get(lead.id).pipeline
    before = Lead.objects.get(lead.id).status
    moved = Lead.objects.get(lead.id)
    moved.status = next(status for status in home.statuses if status.id == 143)
    moved.save()
    by_status = filters.EventsFiltersByPipelineAndStatus("x")(home.id, before.id)
    events = list(Event.objects.filter(filters=[filters.SingleListFilter("type")("lead_status_changed"), by_status]))
    assert lead.id in [event._data["entity_id"] for event in events]
    assert Event.objects.get(events[0].id).type == "lead_status_changed"
    assert Task.objects.get(query="kru contact").text
    CALLS.extend(["events by status", "events.get", "tasks by a query"])


def main() -> None:
    let_in()
    customers()
    calls()
    fields()
    around()
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


main()
