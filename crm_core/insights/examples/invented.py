"""Invented people and deals for a workspace that wants to see itself full: in the firm's language, at addresses and numbers that are nobody's.

Addresses lie under example.com; the numbers are of the range that is kept for films.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.sales.deals import ranks
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Pipeline, StageKind
from crm_platform.kernel import clock, money

CONTACTS, DEALS, WON, LOST = 30, 20, 3, 2
# What an example is known by: its number elsewhere. Its tag says it to people.
MARK = "example-"
TAG = _("Example")
# First names and last names that go together in any pair, ten and six.
PEOPLE = {
    "en": ("Alice Ben Chloe Daniel Emma Frank Grace Henry Isla James", "Carter Ellis Foster Hughes Morgan Walsh"),
    "ru": ("Алина Дарья Елена Ирина Мария Нина Ольга Полина Софья Юлия", "Бондаренко Гончар Петренко Короленко Шевчук Черных"),
    "fr": ("Alice Bruno Camille Denis Élodie Fabien Hélène Julien Lucie Marc", "Bernard Dubois Fontaine Garnier Lambert Moreau"),
    "nl": ("Anouk Bram Daan Eva Femke Joris Lotte Niels Sanne Thijs", "Bakker Hendriks Jansen Mulder Smit Vermeer"),
    "uz": ("Aziza Bobur Dilnoza Farhod Gulnora Jasur Malika Otabek Sevara Ulugʻbek", "Qodiriy Navroʻz Oltin Sohibkor Toshkandiy Zarafshon"),
}
POSITIONS = (_("Buyer"), _("Director"), _("Office manager"), "")
SUBJECTS = (
    _("Furniture for the new office"), _("Yearly service"), _("Spring order"), _("Spare parts"), _("Consultation and plan"), _("Delivery in three parts"),
    _("Renewal of the contract"), _("Equipment for the workshop"), _("Trial order"), _("Second branch"),
)  # fmt: skip
TASKS = ((_("Call back"), "call", 0), (_("Send the offer"), "mail", 1), (_("Agree the date"), "meet", 3), (_("Ask for an answer"), "call", -2))
# How many of the plainest units a hundred euros are, roughly: sums that look like sums.
SCALE = {"RUB": 100, "UZS": 14_000, "JPY": 160, "KZT": 500, "AMD": 400, "UAH": 45, "TRY": 40, "CZK": 25, "CNY": 8, "SEK": 11, "NOK": 11, "DKK": 7, "PLN": 4, "AED": 4}


def contacts(language: str, *, tag_ids: list[int]) -> Iterator[dict[str, Any]]:
    """Thirty people."""
    firsts, lasts = (names.split() for names in PEOPLE.get(language, PEOPLE["en"]))
    for at in range(CONTACTS):
        yield {
            "first_name": firsts[at % 10], "last_name": lasts[(at * 7 + at // 10) % 6], "position": str(POSITIONS[at % 4]), "external_id": f"{MARK}{at + 1}", "tag_ids": tag_ids,
            "phones": [{"number": f"+447700900{100 + at}", "kind": "mobile"}], "emails": [{"address": f"person{at + 1}@example.com", "kind": "work"}],
        }  # fmt: skip


def deals(pipeline: Pipeline, people: list[Any], *, currency: str, tag_ids: list[int]) -> Iterator[dict[str, Any]]:
    """Twenty deals: most of them open and nearer the beginning, some of them lying too long; a few won and lost."""
    dice, board, now = random.Random(7), pipelines.everything(), clock.now()  # noqa: S311 (invented data)
    stages = board.open_of(pipeline.pk)
    reasons = [reason.pk for reason in board.reasons.values() if reason.archived_at is None]
    for at in range(DEALS):
        made = now - timedelta(days=3 + at * 2, hours=at)
        stood = timedelta(days=min(3 + at * 2, dice.choice((0, 1, 2, 4, 6, 9, 16))))
        person = people[at]
        values: dict[str, Any] = {
            "name": f"{SUBJECTS[at % len(SUBJECTS)]}, {person.last_name}", "external_id": f"{MARK}{at + 1}", "tag_ids": tag_ids, "contacts": [{"contact_id": person.pk}], "currency": currency,
            "sum_minor": money.minor(Decimal(dice.randrange(5, 180) * 100 * SCALE.get(currency, 1)), currency=currency), "created_at": made, "stage_since": now - stood,
            "rank": ranks.fresh(made, position=at), "stage_id": stages[int(len(stages) * (at * 7 % 15 / 15) ** 1.3)].pk,
        }  # fmt: skip
        if at >= DEALS - WON - LOST and (reasons or at < DEALS - LOST):
            won = at < DEALS - LOST
            values |= {"stage_id": board.closing(pipeline.pk, StageKind.WON if won else StageKind.LOST).pk, "closed_at": now - stood, "lost_reason_id": None if won else reasons[0]}
        yield values
