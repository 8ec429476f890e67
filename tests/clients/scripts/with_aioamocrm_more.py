"""The other calls of aioamocrm 0.1.1: OAuth 2, each record's own lists, notes, fields and links, and its parser of webhooks on a delivery of ours."""

import asyncio
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aioamocrm
from aioamocrm import AmoCRMClient, MemoryTokenStorage, OAuth2, TokenSet, parse_webhook

CALLS: list[str] = []
BODIES: list[bytes] = []
Client = Any


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    def do_POST(self) -> None:
        BODIES.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_given: Any) -> None:
        pass


def program(storage: MemoryTokenStorage) -> OAuth2:
    return OAuth2(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], os.environ["REDIRECT_URI"], storage)


async def let_in(storage: MemoryTokenStorage) -> None:
    """A code for a pair, then a pair that has run out: the client renews it by itself, and the many that ask at once share it."""
    async with AmoCRMClient(base_url=os.environ["KARTOTEKA"], auth=program(storage)) as client:
        first = await client.exchange_code(os.environ["CODE"])
        assert (await client.account.get()).id
        try:
            await client.exchange_code(os.environ["CODE"])
        except aioamocrm.AuthError:
            CALLS.append("a code a second time")
    await storage.save(TokenSet.from_dict({**first.to_dict(), "expires_at": 1.0}))
    async with AmoCRMClient(base_url=os.environ["KARTOTEKA"], auth=program(storage)) as client:
        told = await asyncio.gather(*(client.account.get(with_="version") for _ in range(4)))
        assert len({account.id for account in told}) == 1
    renewed = await storage.load()
    assert renewed is not None
    assert (renewed.access_token != first.access_token, renewed.refresh_token != first.refresh_token) == (True, True)
    CALLS.extend(["exchange_code", "a refresh"])


async def records(client: Client, word: str) -> int:
    resource = getattr(client, word)
    name = {"first_name": "Aio"} if word == "contacts" else {"name": f"aio {word}"}
    one, two = (row.id for row in await resource.create([name, name], batch_size=1))
    refs = await resource.update([{"id": one, "responsible_user_id": None, "name": "aio renamed"}])
    assert [ref.id for ref in refs] == [one]
    page = await resource.get_page(1, limit=1, filter={"id": [one, two]}, order={"id": "asc"})
    assert ([row.id for row in page.items], page.has_next) == ([one], True)
    rest = await resource.get_page(2, limit=1, filter={"id": [one, two]}, order={"id": "asc"})
    assert ([row.id for row in rest.items], rest.has_next) == ([two], False)
    assert [row.id async for row in resource.iterate(limit=1, filter={"id": [one, two]}, order={"id": "asc"})] == [one, two]
    assert one in [row.id async for row in resource.iterate(query="aio renamed")]
    assert [row async for row in resource.iterate(filter={"id": 999_999_999})] == []
    notes = await resource.notes.create([{"entity_id": one, "note_type": "common", "params": {"text": f"of {word}"}}])
    assert [note.id for note in (await resource.notes.get_page(entity_id=one)).items] == [notes[0].id]
    assert notes[0].id in [note.id async for note in resource.notes.iterate(filter={"note_type": "common", "entity_id": [one]}, order={"id": "desc"})]
    assert (await resource.notes.get(notes[0].id, entity_id=one)).params["text"] == f"of {word}"
    fields = (await resource.custom_fields.get_page(limit=50)).items
    if fields:
        assert (await resource.custom_fields.get(fields[0].id)).id == fields[0].id
    CALLS.extend(f"{word}.{call}" for call in ("create", "update", "get_page", "iterate", "notes.create", "notes.get_page", "notes.iterate", "notes.get", "custom_fields.get_page", "custom_fields.get"))
    return int(one)


async def links(client: Client, lead: int, contact: int, company: int) -> None:
    for resource, one, word, other in ((client.leads, lead, "companies", company), (client.contacts, contact, "companies", company), (client.companies, company, "leads", lead), (client.contacts, contact, "leads", lead)):
        assert (await resource.link(one, word, other))[0].to_entity_id == other
        assert [link.to_entity_id for link in await resource.links(one, filter={"to_entity_type": word})] == [other]
        await resource.unlink(one, word, other)
        assert await resource.links(one, filter={"to_entity_type": word}) == []
    await client.leads.link(lead, "contacts", contact, metadata={"is_main": True})
    assert (await client.leads.links(lead))[0].metadata["main_contact"] is True
    CALLS.extend(["contacts.link", "contacts.links", "contacts.unlink", "companies.link", "companies.links", "companies.unlink", "leads.link with metadata"])


async def work(client: Client, lead: int) -> None:
    tasks = await client.tasks.create([{"text": "aio", "complete_till": int(time.time()) + 3600, "entity_id": lead, "entity_type": "leads", "task_type_id": 1}])
    assert [ref.id for ref in await client.tasks.update([{"id": tasks[0].id, "text": "aio again"}])] == [tasks[0].id]
    found = (await client.tasks.get_page(filter={"entity_type": "leads", "entity_id": [lead], "is_completed": 0, "task_type_id": 1, "task_type": 1})).items
    assert [(task.id, task.text) for task in found] == [(tasks[0].id, "aio again")]
    assert tasks[0].id in [task.id async for task in client.tasks.iterate(order={"complete_till": "desc"})]
    people = (await client.users.get_page(with_=["role", "group"])).items
    assert (await client.users.get(people[0].id, with_="role")).email == people[0].email
    told = await client.request("GET", f"{os.environ['KARTOTEKA']}/api/v4/leads/{lead}", params={"with": "contacts"})
    assert told["_embedded"]["contacts"]
    assert client.owns_url(told["_links"]["self"]["href"])
    for path in ("tasks", "leads/pipelines", "leads/custom_fields", "users"):
        try:
            await client.request("GET", f"{path}/999999999")
        except aioamocrm.NotFoundError:
            continue
        raise AssertionError(path)
    CALLS.extend(["tasks.update", "tasks.get_page", "tasks.iterate", "users.get_page", "users.get with", "request", "owns_url", "what is not there"])


async def webhooks(client: Client) -> None:
    """What we deliver is what its parser reads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    await client.request("POST", "webhooks", json={"destination": f"http://127.0.0.1:{server.server_port}/in", "settings": ["add_lead", "status_lead", "add_company"]})
    lead = (await client.leads.create([{"name": "aio hooked", "price": 5}]))[0].id
    await client.leads.update([{"id": lead, "status_id": 142}])
    company = (await client.companies.create([{"name": "Aio hooked"}]))[0].id
    events: dict[tuple[str, str], Any] = {}
    for _ in range(300):
        found = [parse_webhook(body) for body in BODIES]
        events = {(event.entity, event.action): event for webhook in found for event in webhook.events}
        if len(events) >= 3:
            break
        await asyncio.sleep(0.1)
    assert all(webhook.account_id and webhook.subdomain for webhook in found)
    assert (events["leads", "add"].id, events["leads", "add"].payload["name"]) == (lead, "aio hooked")
    assert (events["leads", "status"].id, events["leads", "status"].payload["status_id"]) == (lead, "142")
    assert (events["contacts", "add"].id, events["contacts", "add"].payload["type"]) == (company, "company")
    await client.request("DELETE", "webhooks", json={"destination": f"http://127.0.0.1:{server.server_port}/in"})
    server.shutdown()
    CALLS.append("parse_webhook")


async def main() -> None:
    storage = MemoryTokenStorage()
    await let_in(storage)
    async with AmoCRMClient(base_url=os.environ["KARTOTEKA"], auth=program(storage)) as client:
        lead, contact, company = [await records(client, word) for word in ("leads", "contacts", "companies")]
        await links(client, lead, contact, company)
        await work(client, lead)
        await webhooks(client)
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


asyncio.run(main())
