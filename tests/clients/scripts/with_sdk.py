"""Every call of amocrm-sdk 0.4.0; its host is written into it, so it comes through the proxy. Its updates send whole objects."""

import base64
import json
import os
import sys
import time

import requests
from amocrm import AmoCRM, InMemoryTokenStorage, OAuthConfig
from amocrm.codegen import fetch_custom_fields, generate_custom_models
from amocrm.exceptions import AmoCRMAPIError
from amocrm.models import Company, Contact, CustomFieldValue, Lead, Pipeline, PipelineStatus, Tag, Task

CALLS: list[str] = []


def records(client: AmoCRM) -> int:
    for resource, kind, word in ((client.leads, Lead, "leads"), (client.contacts, Contact, "contacts"), (client.companies, Company, "companies")):
        one, two = (made.id for made in resource.create([kind(name="sdk one", tags=[Tag(name="sdk")]), kind(name="sdk two")]))
        read = resource.get(one)
        assert (read.name, [tag.name for tag in read.tags]) == ("sdk one", ["sdk"])
        read.name = "sdk three"
        assert resource.update_one(read).id == one
        other = resource.get(two)
        other.name = "sdk four"
        assert [made.id for made in resource.update([other])] == [two]
        assert (resource.get(one).name, resource.get(two).name) == ("sdk three", "sdk four")
        assert {one, two} <= {found.id for found in resource.list(page=1, limit=250, order={"id": "desc"}, with_=["contacts"])}
        every = [found.id for found in resource.list(limit=20)]
        assert len(every) == len(set(every))
        assert one in [found.id for found in resource.list(query="sdk three")]
        assert [found.id for found in resource.list(filter={"id": two})] == [two]
        assert resource.get(999_999_999).id is None
        CALLS.extend(f"{word}.{name}" for name in ("create", "get", "update_one", "update", "list of a page", "list of all", "query", "filter", "get of none"))
    return int(client.leads.create([Lead(name="sdk", price=5)])[0].id)


def whole(client: AmoCRM, lead: int) -> None:
    (made,) = client.leads.create_complex([Lead(name="sdk whole", price=9, contacts=[Contact(first_name="Whole")], company=Company(name="Sdk & Co"))])
    read = client.leads.get(made.id)
    assert (read.price, read.contacts[0].id, read.company.id) == (9, made.contact_id, made.company_id)
    try:
        client.leads.create([Lead(name="x", status_id=5)])
    except AmoCRMAPIError:
        CALLS.append("a refusal")
    task = client.tasks.create([Task(text="sdk", complete_till=int(time.time()) + 3600, entity_id=lead, entity_type="leads")])[0]
    read_task = client.tasks.get(task.id)
    read_task.is_completed, read_task.result = True, {"text": "done"}
    assert client.tasks.update_one(read_task).id == task.id
    assert client.tasks.get(task.id).result == {"text": "done"}
    assert [one.id for one in client.tasks.update([Task(id=task.id, text="sdk again")])] == [task.id]
    assert [one.id for one in client.tasks.list(page=1, filter={"entity_id": lead})] == [task.id]
    CALLS.extend(["leads.create_complex", "tasks.create", "tasks.get", "tasks.update_one", "tasks.update", "tasks.list"])


def pipelines(client: AmoCRM) -> None:
    made = client.pipelines.create([Pipeline(name="Sdk", sort=90, is_main=False, is_unsorted_on=True, statuses=[PipelineStatus(name="First", sort=10, color="#fffeb2")])])[0]
    read = client.pipelines.get(made.id)
    assert {142, 143} <= {status.id for status in read.statuses}
    read.name = "Sdk too"
    assert client.pipelines.update(made.id, read).name == "Sdk too"
    assert made.id in [one.id for one in client.pipelines.list()]
    status = client.pipelines.create_statuses(made.id, [PipelineStatus(name="Second", sort=20, color="#99ccff")])[0]
    assert client.pipelines.get_status(made.id, status.id, with_descriptions=True).name == "Second"
    status.name = "Third"
    assert client.pipelines.update_status(made.id, status.id, status).name == "Third"
    assert status.id in [one.id for one in client.pipelines.list_statuses(made.id, with_descriptions=True)]
    client.pipelines.delete_status(made.id, status.id)
    client.pipelines.delete(made.id)
    assert made.id not in [one.id for one in client.pipelines.list()]
    CALLS.extend(f"pipelines.{name}" for name in ("create", "get", "update", "list", "create_statuses", "get_status", "update_status", "list_statuses", "delete_status", "delete"))


def fields(client: AmoCRM) -> None:
    phone = next(field for field in client.custom_fields.list("contacts") if field.type == "multitext")
    assert client.custom_fields.get("contacts", phone.id).name == phone.name
    contact = client.contacts.create([Contact(first_name="Sdk", custom_fields_values=[CustomFieldValue(field_id=phone.id, values=[{"value": "+31205550177"}])])])[0]
    read = client.contacts.get(contact.id)
    assert read.get_cf_value(phone.id) == "+31205550177"
    read.set_cf_value(phone.id, "+31205550178")
    client.contacts.update_one(read)
    assert client.contacts.get(contact.id).get_cf_value(phone.id) == "+31205550178"
    compile(generate_custom_models(fetch_custom_fields(client)), "models", "exec")
    CALLS.extend(["custom_fields.list", "custom_fields.get", "contacts with fields", "generate_custom_models"])


def let_in() -> AmoCRM:
    """Tokens from a code; the access token has run out, so the client renews it at the host of all accounts before its first call."""
    program = {"client_id": os.environ["CLIENT_ID"], "client_secret": os.environ["CLIENT_SECRET"], "redirect_uri": os.environ["REDIRECT_URI"]}
    first = requests.post("https://www.amocrm.ru/oauth2/access_token", json={**program, "grant_type": "authorization_code", "code": os.environ["CODE"]}, timeout=30).json()
    old = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b'{"exp":1}', b"x"))
    store = InMemoryTokenStorage()
    store.save(old, first["refresh_token"])
    client = AmoCRM(os.environ["SLUG"], OAuthConfig(**program, storage=store))
    assert client.pipelines.list()
    access, refresh = store.load()
    assert (access != old, refresh != first["refresh_token"]) == (True, True)
    client._session.headers["Authorization"] = "Bearer spoiled"
    assert client.pipelines.list()  # refused with 401, renewed, asked again
    assert store.load()[1] != refresh
    CALLS.extend(["tokens renewed", "tokens renewed after a 401"])
    return client


class Here(AmoCRM):
    """What the page of the API tells users of a client whose host is written into it."""

    _base_url = property(lambda self: os.environ["KARTOTEKA"], lambda self, given: None)


def main() -> None:
    client = let_in()
    lead = records(client)
    whole(client, lead)
    pipelines(client)
    fields(client)
    assert Here(os.environ["SLUG"], client._oauth).leads.get(lead).name == "sdk"
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


main()
