"""Every call of aioamocrm 0.1.1 for the resources we have, asserting on what comes back. Run by tests/clients with its folder on the path."""

import asyncio
import json
import os
import sys
import time

import aioamocrm
from aioamocrm import AmoCRMClient, LongLivedToken


async def main() -> None:
    calls: list[str] = []
    async with AmoCRMClient(base_url=os.environ["KARTOTEKA"], auth=LongLivedToken(os.environ["TOKEN"])) as client:
        account = await client.account.get(with_=["users_groups", "task_types"])
        assert account.id
        calls.append("account.get")
        pipelines = await client.pipelines.list()
        first = pipelines[0]
        assert (await client.pipelines.get(first.id)).id == first.id
        statuses = await client.pipelines.statuses(first.id)
        assert {142, 143} <= {status.id for status in statuses}
        calls += ["pipelines.list", "pipelines.get", "pipelines.statuses"]
        users = [user async for user in client.users.iterate()]
        assert (await client.users.get(users[0].id)).id == users[0].id
        calls += ["users.iterate", "users.get"]
        made = await client.leads.create([{"name": "aio 1", "price": 10}, {"name": "aio 2", "price": 20}])
        one, two = (row.id for row in made)
        lead = await client.leads.get(one, with_=["contacts"])
        assert (lead.name, lead.price) == ("aio 1", 10)
        await client.leads.update([{"id": one, "status_id": 142}, {"id": two, "price": 25}])
        assert (await client.leads.get(one)).status_id == 142
        calls += ["leads.create", "leads.get", "leads.update"]
        try:
            await client.leads.get(999_999)
        except aioamocrm.NotFoundError:
            calls.append("leads.get of none")
        contacts = await client.contacts.create([{"first_name": "Aio", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+31205550142", "enum_code": "WORK"}]}]}])
        contact = await client.contacts.get(contacts[0].id, with_=["leads"])
        assert contact.first_name == "Aio"
        companies = await client.companies.create([{"name": "Aio & Co"}])
        assert (await client.companies.get(companies[0].id)).name == "Aio & Co"
        calls += ["contacts.create", "contacts.get", "companies.create", "companies.get"]
        await client.leads.link(two, "contacts", contact.id)
        links = await client.leads.links(two)
        assert [(link.to_entity_type, link.to_entity_id) for link in links] == [("contacts", contact.id)]
        await client.leads.unlink(two, "contacts", contact.id)
        assert await client.leads.links(two) == []
        calls += ["leads.link", "leads.links", "leads.unlink"]
        whole = await client.leads.create_complex([{"name": "aio whole", "_embedded": {"contacts": [{"first_name": "Whole"}], "companies": [{"name": "Whole & Co"}]}}])
        assert whole[0].contact_id
        calls.append("leads.create_complex")
        await client.leads.notes.create([{"entity_id": two, "note_type": "common", "params": {"text": "from aio"}}])
        notes = [note async for note in client.leads.notes.iterate(entity_id=two)]
        assert notes[0].params["text"] == "from aio"
        assert (await client.leads.notes.get(notes[0].id, entity_id=two)).id == notes[0].id
        calls += ["notes.create", "notes.iterate", "notes.get"]
        fields = [field async for field in client.contacts.custom_fields.iterate()]
        phone = next(field for field in fields if field.code == "PHONE")
        assert (await client.contacts.custom_fields.get(phone.id)).code == "PHONE"
        calls += ["custom_fields.iterate", "custom_fields.get"]
        tasks = await client.tasks.create([{"text": "aio", "complete_till": int(time.time()) + 3600, "entity_id": two, "entity_type": "leads"}])
        await client.tasks.complete(tasks[0].id, result="done it")
        assert (await client.tasks.get(tasks[0].id)).is_completed
        calls += ["tasks.create", "tasks.complete", "tasks.get"]
        listed = [lead.id async for lead in client.leads.iterate(limit=2)]
        assert {one, two} <= set(listed)
        assert len(listed) == len(set(listed))
        calls.append("leads.iterate")
        try:
            await client.leads.create([{"name": "x", "status_id": 5}])
        except aioamocrm.ValidationError:
            calls.append("a refusal")
    sys.stdout.write(json.dumps({"calls": calls}) + "\n")


asyncio.run(main())
