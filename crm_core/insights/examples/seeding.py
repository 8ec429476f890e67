"""Invented data of any size, the same from the same seed; written by the product's own services, in batches."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Employment
from crm_core.sales.deals import ranks
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal, DealContact
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.backbone import Change, emit_all
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place
from tenants.inside import services as inside

BATCH = 1000
ROBOT = robot("seed")
FIRST = "Anna Bram Clara Daan Eva Finn Greta Hugo Ida Jan Karin Lars Maria Nils Olga Piet Rosa Sven Tess Willem Иван Мария Олег Елена Aziz Dilnoza Camille Hélène Luc Noémie".split()  # noqa: SIM905
LAST = "Bakker Berg Bos Dekker Dijk Graaf Haan Hoek Jansen Kok Kuiper Leeuw Meijer Mulder Peters Prins Smit Visser Vos Wit Соколова Ерёменко Karimova Toʻxtayev Lefebvre Duquesnoy Marchand Whitcombe Finch Raman".split()  # noqa: SIM905
FIRM = "Hout Staal Licht Glas Steen Papier Textiel Koffie Tuin Water Zon Wind Kade Markt Plein Brug".split()  # noqa: SIM905
FORM = ("B.V.", "N.V.", "GmbH", "Ltd", "SARL", "ООО", "MCHJ")
SELLERS = 12


def _batches(total: int) -> Iterator[range]:
    for start in range(0, total, BATCH):
        yield range(start, min(total, start + BATCH))


def seed(place: Place, *, contact_count: int, company_count: int, deal_count: int, activity_count: int, seed_number: int = 1) -> dict[str, int]:
    """Fill a workspace; returns what was made. Opens a unit for each batch."""
    dice = random.Random(seed_number)  # noqa: S311 (invented data)
    with sides.unit(place):
        inside.change_preferences(ROBOT, first_steps=False)  # a filled workspace is past its first hour
        people = [accounts.add_without_access(ROBOT, name=f"{dice.choice(FIRST)} {dice.choice(LAST)} {at}").pk for at in range(SELLERS)]
        people += list(User.objects.filter(is_active=True).values_list("pk", flat=True))
    firm_ids: list[int] = []
    for batch in _batches(company_count):
        with sides.unit(place):
            firm_ids += [company.pk for company in companies.create_companies(ROBOT, [_company(dice, at, people) for at in batch])]
    contact_ids: list[int] = []
    for batch in _batches(contact_count):
        with sides.unit(place):
            made = contacts.create_contacts(ROBOT, [_contact(dice, at, people) for at in batch])
            if firm_ids:
                Employment.objects.bulk_create([Employment(contact=contact, company_id=dice.choice(firm_ids), main=True) for contact in made if dice.random() < 0.7])
            contact_ids += [contact.pk for contact in made]
    deal_ids: list[int] = []
    for batch in _batches(deal_count):
        with sides.unit(place):
            made_deals = deals.create_deals(ROBOT, [_deal(dice, at, people, firm_ids) for at in batch])
            if contact_ids:
                DealContact.objects.bulk_create([DealContact(deal=deal, contact_id=dice.choice(contact_ids), main=True) for deal in made_deals])
            deal_ids += [deal.pk for deal in made_deals]
    for batch in _batches(activity_count):
        with sides.unit(place):
            _activities(dice, batch, people, deal_ids)
    with sides.unit(place):
        _next_steps()
    return {"contacts": len(contact_ids), "companies": len(firm_ids), "deals": len(deal_ids), "activities": activity_count}


def _company(dice: random.Random, at: int, people: list[int]) -> dict[str, Any]:
    return {
        "name": f"{dice.choice(FIRM)}{dice.choice(FIRM).lower()} {at} {dice.choice(FORM)}", "responsible_id": dice.choice(people),
        "industry": dice.choice(("retail", "medical", "software", "")), "phones": [{"number": f"+3110{5_000_000 + at}", "kind": "work"}],
        "addresses": [{"kind": "work", "city": dice.choice(("Rotterdam", "Самара", "Paris", "Toshkent", "Zwolle"))}],
    }  # fmt: skip


def _contact(dice: random.Random, at: int, people: list[int]) -> dict[str, Any]:
    first, last = dice.choice(FIRST), f"{dice.choice(LAST)}-{dice.choice(LAST)}"
    return {
        "first_name": first, "last_name": last, "position": dice.choice(("Buyer", "Director", "Владелец", "Architecte", "")), "responsible_id": dice.choice(people),
        "phones": [{"number": f"+31{600_000_000 + at}", "kind": "mobile"}], "emails": [{"address": f"person{at}@example{at % 500}.com", "kind": "work"}],
    }  # fmt: skip


def _deal(dice: random.Random, at: int, people: list[int], firm_ids: list[int]) -> dict[str, Any]:
    board = pipelines.everything()
    pipeline = pipelines.first()
    open_stages = board.open_of(pipeline.pk)
    roll = dice.random()
    made = clock.now() - timedelta(days=dice.randrange(700), minutes=dice.randrange(1440))
    values: dict[str, Any] = {
        "name": f"{dice.choice(FIRM)} {dice.choice(('order', 'shelves', 'fit-out', 'заказ', 'rénovation'))} {at}", "responsible_id": dice.choice(people),
        "company_id": dice.choice(firm_ids) if firm_ids else None, "sum_minor": dice.randrange(500, 90_000) * 100, "created_at": made, "currency": "EUR",
        "stage_since": made + timedelta(hours=dice.randrange(24 * 20)), "rank": ranks.fresh(made, position=at), "stage_id": dice.choice(open_stages).pk,
    }  # fmt: skip
    if roll < 0.35:
        values |= {"stage_id": board.closing(pipeline.pk, StageKind.WON).pk, "closed_at": min(clock.now(), made + timedelta(days=30))}
    elif roll < 0.6:
        values |= {
            "stage_id": board.closing(pipeline.pk, StageKind.LOST).pk, "closed_at": min(clock.now(), made + timedelta(days=40)),
            "lost_reason_id": dice.choice(list(board.reasons)),
        }  # fmt: skip
    return values


def _activities(dice: random.Random, batch: range, people: list[int], deal_ids: list[int]) -> None:
    tasks, notes = [], []
    for at in batch:
        deal = dice.choice(deal_ids) if deal_ids else None
        if at % 2 and deal:
            notes.append(Note(entity="deal", record_id=deal, text=f"Note {at}: they asked about the {dice.choice(FIRM).lower()}.", created_by=dice.choice(people)))
            continue
        due = clock.now() + timedelta(days=dice.randrange(-300, 60))
        done = due < clock.now() and dice.random() < 0.97
        tasks.append(Task(text=f"Task {at}", entity="deal" if deal else "", record_id=deal, due_at=due, responsible_id=dice.choice(people), done_at=due if done else None))
    Task.objects.bulk_create(tasks)
    Note.objects.bulk_create(notes)
    changes = [Change(name="task.added", entity="task", record_id=task.pk, after={"text": task.text, "due_at": task.due_at, "responsible_id": task.responsible_id}, also=[f"deal:{task.record_id}"]) for task in tasks]
    changes += [Change(name="note.added", entity="note", record_id=note.pk, after={"text": note.text}, also=[f"deal:{note.record_id}"]) for note in notes]
    emit_all(ROBOT, changes)


def _next_steps() -> None:
    """The earliest open task of each deal, as the tasks' services would have kept it."""
    seen: set[int] = set()
    changed = []
    for task in Task.objects.filter(entity="deal", done_at=None, binned_at=None).order_by("due_at", "id"):
        if task.record_id is not None and task.record_id not in seen:
            seen.add(task.record_id)
            changed.append(Deal(pk=task.record_id, next_task_at=task.due_at, next_task_text=task.text, next_task_type=task.type))
    Deal.objects.bulk_update(changed, ["next_task_at", "next_task_text", "next_task_type"], batch_size=2000)
