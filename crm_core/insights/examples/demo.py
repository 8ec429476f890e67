"""The demo workspace: a joiner's workshop with a few people, firms and deals in four alphabets."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.products import services as products
from crm_platform.accounts import services as accounts
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor
from tenants.inside import services as inside

COLLEAGUES = ("Jeroen Kuipers", "Marina Alekseeva", "Thomas Leroy", "Dilnoza Karimova")
PRODUCTS = (("Wall shelf 120 cm", "Shelves", 64_000), ("Bar counter, oak", "Counters", 980_000), ("Installation, a day", "Services", 120_000), ("Meeting table", "Tables", 240_000))
FIRMS = (
    ("Van den Bergh & Zonen B.V.", "Amsterdam", "Daan", "Visser", "Buyer", "+31 20 555 0188"),
    ("ООО «Зерно и пар»", "Самара", "Мария", "Аксёнова", "Владелица", "+7 846 555-01-42"),
    ("Clinique Saint-Aubin", "Paris", "Hélène", "Lefebvre-Marchand", "Directrice", "+33 1 55 55 01 73"),
    ("Registon Plaza MCHJ", "Samarqand", "Shahnoza", "Yoʻldosheva", "Bosh menejer", "+998 66 555 01 88"),
    ("Harrow & Finch Ltd", "London", "Oliver", "Whitcombe", "Facilities", "+44 20 7946 0188"),
    ("Koninklijke Zwanenburg-Hoogendijk Scheepvaartmaatschappij N.V.", "Rotterdam", "Wilhelmina", "van Heemstra", "Office", "+31 10 555 0199"),
    ("Stadhouder Advocaten N.V.", "Utrecht", "Pieter-Jan", "ten Cate", "Partner", "+31 30 555 0101"),
    ("Boutique Lumière SARL", "Lyon", "Camille", "Duquesnoy", "Gérante", "+33 4 55 55 01 10"),
)
# name, firm, stage, sum in cents, days in the stage, (task, days from today) or None
DEALS: tuple[tuple[str, int, int, int | None, int, tuple[str, int] | None], ...] = (
    ("Showroom Amsterdam-Noord, cupboards and lighting", 0, 1, 27_900_00, 6, ("Sign-off call", 0)),
    ("Кофейни «Зерно и пар», 4 точки", 1, 2, 64_300_00, 8, ("Обсудить скидку за четыре точки", 0)),
    ("Rénovation de l’accueil", 2, 1, 31_200_00, 5, ("Envoyer les échantillons", -2)),
    ("Mehmonxona uchun oshxona mebeli", 3, 0, 22_400_00, 0, ("Katalog yuborish", 1)),
    ("Library shelving, phase 2", 4, 1, 9_640_00, 2, ("Visit the site", 2)),
    ("Acoustic wall panels for the head office", 5, 1, 48_750_00, 19, None),
    ("Meeting room tables, Utrecht and Zwolle", 6, 2, 19_900_00, 4, ("Call", 3)),
    ("Boutique Lumière, rue Oberkampf", 7, 2, 12_480_00, 23, ("Demander une réponse", -9)),
    ("Kitchen fronts for 12 flats, Haarlem", 0, 0, 14_850_00, 1, ("Call back", 0)),
    ("Запрос с сайта: стеллажи для архива", 1, 0, None, 3, None),
    ("Office fit-out, floors 3 and 4", 4, 3, 88_100_00, 4, ("Reply on the warranty", 3)),
    ("Toshkent ofisi uchun mebel", 3, 3, 18_350_00, 6, ("Yakuniy narx", 0)),
)
CLOSED = (("First coffee shop", 1, True, 18_900_00), ("Counter for the clinic", 2, True, 6_100_00), ("Shelves for the archive", 4, False, 4_400_00), ("Balie voor Hotel Zeezicht", 0, True, 8_900_00))


def fill(owner: User) -> None:
    """Fill a fresh workspace; does nothing where there are deals already. Inside a unit."""
    actor = actor_of(owner)
    if Contact.objects.exists():
        return
    inside.change_preferences(actor, first_steps=False)  # a demo is past its first hour
    people = [accounts.add_without_access(actor, name=name).pk for name in COLLEAGUES]
    for name, series, price in PRODUCTS:
        products.create_product(actor, name=name, series=series, price_minor=price)
    firms = [_firm(actor, people[at % 4], row) for at, row in enumerate(FIRMS)]
    for at, deal in enumerate(DEALS):
        _deal(actor, people[at % 4] if at % 3 else owner.pk, firms, deal)
    _close(actor, people, firms)


def _firm(actor: Actor, responsible: int, row: tuple[str, ...]) -> tuple[int, int]:
    name, city, first, last, position, phone = row
    company = companies.create_company(actor, name=name, addresses=[{"kind": "work", "city": city}], responsible_id=responsible)
    contact = contacts.create_contact(
        actor, first_name=first, last_name=last, position=position, phones=[{"number": phone, "kind": "work"}], responsible_id=responsible,
        companies=[{"company_id": company.pk, "company": company.name, "role": position}],
    )  # fmt: skip
    return company.pk, contact.pk


def _deal(actor: Actor, responsible: int, firms: list[tuple[int, int]], row: tuple[str, int, int, int | None, int, tuple[str, int] | None]) -> None:
    name, firm, stage_at, total, days, task = row
    company, contact = firms[firm]
    stage = pipelines.everything().open_of(pipelines.first().pk)[stage_at]
    deal = deals.create_deal(
        actor, name=name, company_id=company, contacts=[{"contact_id": contact}], stage_id=stage.pk, sum_minor=total, responsible_id=responsible,
        created_at=clock.now() - timedelta(days=days + 3), stage_since=clock.now() - timedelta(days=days),
    )  # fmt: skip
    if task is not None:
        day = timezone.localdate(clock.now()) + timedelta(days=task[1])
        tasks.add(actor, text=task[0], due_at=tasks.end_of_day(day), all_day=True, responsible_id=actor.user_id if task[1] <= 0 else responsible, entity="deal", record_id=deal.pk)
    if total and total > 30_000_00:
        notes.add(actor, entity="deal", pk=deal.pk, text="They compare us with one other workshop. Sell the guarantee, not the price.", pinned=False)


def _close(actor: Actor, people: list[int], firms: list[tuple[int, int]]) -> None:
    reason = next(iter(pipelines.everything().reasons))
    for at, (name, firm, won, total) in enumerate(CLOSED):
        deal = deals.create_deal(actor, name=name, company_id=firms[firm][0], sum_minor=total, responsible_id=people[at])
        if won:
            deals.win_deal(actor, deal.pk)
        else:
            deals.lose_deal(actor, deal.pk, reason_id=reason)
