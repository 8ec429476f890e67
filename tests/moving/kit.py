"""An account over there: one of our own workspaces behind a real socket, asked through its public API, or a server that misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from django.core.files.base import ContentFile
from django.db import connections
from django.test import Client

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.tags import services as tags
from crm_core.insights.examples import seeding
from crm_core.people.companies import services as companies
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_core.sales.products import services as products
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.kernel import clock
from tests.conftest import Door
from tests.factories import cast


@dataclass
class Foreign:
    """`answer` may take a request instead of the workspace: (path, handler) → True where it did."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str, BaseHTTPRequestHandler], bool] = lambda path, handler: False


@contextmanager
def standing(door: Door | None = None) -> Iterator[Foreign]:
    """The workspace of a door (or nothing but misbehaviour) at an address of its own."""
    foreign = Foreign()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            foreign.asked.append(self.path)
            if foreign.answer(self.path, self) or door is None:
                return
            client = Client(HTTP_HOST=self.headers["Host"], raise_request_exception=False)
            answer = client.get(self.path, HTTP_AUTHORIZATION=self.headers["Authorization"])
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            say(self, answer.status_code, body, {"Content-Type": answer.headers.get("Content-Type", ""), **({"Retry-After": answer.headers["Retry-After"]} if "Retry-After" in answer.headers else {})})

        def log_message(self, *_given: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    foreign.url = f"http://{door.host if door else 'elsewhere.localhost'}:{server.server_port}"

    def serve() -> None:
        try:
            server.serve_forever(poll_interval=0.05)
        finally:
            connections.close_all()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield foreign
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def say(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> bool:
    """One answer."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def furnish(door: Door, *, contact_count: int = 300, company_count: int = 60, deal_count: int = 280) -> None:
    """A workspace with a life behind it: two pipelines, won and lost with reasons, fields of several types, all that hangs on records."""
    seeding.seed(door.place, contact_count=contact_count, company_count=company_count, deal_count=deal_count, activity_count=60)
    with door.unit():
        actor = actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example"))
        anna = cast.person("seller", name="Anna")
        made = {kind: custom.add_field(actor, entity="deal", name=f"Field {kind}", kind=kind, options=["Red", "Green"] if kind in ("list", "multi") else ()) for kind in ("text", "number", "date", "list", "multi", "checkbox", "link")}
        place = custom.add_field(actor, entity="contact", name="District", kind="list", options=["North", "South"])
        line = pipeline_services.add_pipeline(actor, name="Service", stages=[("Asked", 2), ("Planned", 3)])
        products.create_product(actor, name="Lamp", price_minor=4_900)
        rows = list(Deal.objects.order_by("id")[:40])
        values = {"text": "Words", "number": "12.5", "date": "2026-03-01", "list": 2, "multi": [1, 2], "checkbox": True, "link": "https://example.com/a"}
        tag, people = tags.ids_of("deal", ["VIP", "Fair"], colours={"vip": "247BA0"}), list(Contact.objects.order_by("id")[:3])
        for at, deal in enumerate(rows):
            stage = pipelines.everything().open_of(line.pk)[at % 2]
            deals.change_deal(actor, deal.pk, custom={str(made[kind].pk): value for kind, value in values.items()}, tag_ids=tag, stage_id=stage.pk, responsible_id=anna.pk)
        deals.change_deal(actor, rows[0].pk, contacts=[{"contact_id": one.pk} for one in people], lines=[{"product": "Lamp", "quantity_milli": 2500, "price_minor": 4_900}])
        deals.win_deal(actor, rows[1].pk)
        deals.lose_deal(actor, rows[2].pk, reason_id=next(one.pk for one in pipelines.everything().reasons.values()))
        firm = Company.objects.order_by("id")[0]
        contacts.change_contact(actor, people[0].pk, custom={str(place.pk): 1}, companies=[{"company_id": firm.pk, "company": firm.name}], tag_ids=tags.ids_of("contact", ["Friend"]))
        companies.change_company(actor, firm.pk, tag_ids=tags.ids_of("company", ["Big"]))
        for entity, pk in (("deal", rows[0].pk), ("contact", people[0].pk), ("company", firm.pk)):
            notes.add_said(actor, [
                notes.Said(entity=entity, record=_record(entity, pk), text="Call", kind="call_in", params={"phone": "+31205550188", "duration": 61}, created_by=anna.pk),
                notes.Said(entity=entity, record=_record(entity, pk), text="Mail", kind="amomail_message", params={"subject": "Offer", "text": "Words"}),
            ])  # fmt: skip
            attachments.add(actor, entity=entity, pk=pk, file=ContentFile(f"bytes of {entity}".encode(), name=f"{entity}.txt"))
            tasks.add(actor, text=f"Ring about {entity}", due_at=clock.now(), type="meet", responsible_id=anna.pk, entity=entity, record_id=pk, duration=1800)
        notes.add(actor, entity="deal", pk=rows[0].pk, text="Pinned words", pinned=True)
        tasks.complete(actor, tasks.add(actor, text="Done one", due_at=clock.now()).pk, result="reached")


def _record(entity: str, pk: int) -> Any:
    return {"deal": Deal, "contact": Contact, "company": Company}[entity].objects.get(pk=pk)
