"""Bots: that one is to run on a record is kept and announced, so that whoever runs it (a program, a rule) hears of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.shelves import reading
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_platform.kernel.errors import NotFound

RUN = "bot_run"
BOTS = Shelf(
    kind="bot", plural="bots", path="bots", fields={"name": (reading.text(), ""), "type": (reading.choice("salesbot", "marketingbot"), "salesbot"), "settings": (reading.any_of(dict, list), {})}
)  # fmt: skip
_CHOICE = "The value you selected is not a valid choice."
# The API before named kinds by numbers.
_NUMBERS = {"1": "contacts", "2": "leads", "3": "companies", "12": "customers"}


def run_many(asked: Asked) -> HttpResponse:
    """Have bots run on records, all of them or none: `[{"bot_id", "entity_id", "entity_type"}]`."""
    items = items_of(asked.items)
    wanted = [_read(asked, item, item.whole("bot_id", least=1)) for item in items]
    settle(items)
    storing.add(asked.actor, RUN, wanted)
    return answers.told({"success": True}, status=202)


def run(asked: Asked, pk: int) -> HttpResponse:
    """Have one bot run on a record, or on several."""
    items = items_of(asked.items)
    wanted = [_read(asked, item, pk) for item in items]
    settle(items)
    storing.add(asked.actor, RUN, wanted)
    return answers.nothing(status=202)


def _read(asked: Asked, item: Item, bot: int | None) -> dict[str, Any]:
    pk, given = item.whole("entity_id"), item.text("entity_type")
    plural = _NUMBERS.get(given, given)
    if bot is None and not item.faults:
        item.fault("bot_id", "This value should not be blank.", code="IsBlank")
    if pk is None or not _stands(asked, plural, pk):
        item.fault("entity_id", _CHOICE, code="NotSupportedChoice")
    return {"body": {"bot_id": bot, "entity_id": pk, "entity_type": plural, "state": "waiting"}}


def _stands(asked: Asked, plural: str, pk: int) -> bool:
    if plural == "customers":
        return storing.rows(asked.actor, "customer").filter(pk=pk).exists()
    try:
        return pk in visible(asked.actor, collections.find(plural), [pk])
    except NotFound:
        return False


def stop(asked: Asked, pk: int) -> HttpResponse:
    """Have a bot run on a record no longer."""
    item = Item(asked.item)
    wanted = item.whole("entity_id")
    if wanted is None:
        item.fault("entity_id", "This value should not be blank.", code="IsBlank")
    settle([item])
    rows = storing.rows(asked.actor, RUN).filter(body__bot_id=pk, body__entity_id=wanted, body__state="waiting").select_for_update()
    if not rows:
        raise NotFound
    for row in rows:
        storing.change(asked.actor, row, body={"state": "stopped"})
    return answers.nothing(status=202)


def go_on(asked: Asked, bot: int, pk: int) -> HttpResponse:
    """A widget's answer to a bot that waits for it: `data` and `execute_handlers` are kept with the run."""
    item = Item(asked.item)
    body = {"data": reading.any_of(dict, list)(item, "data"), "execute_handlers": reading.listed(item, "execute_handlers")}
    settle([item])
    row = storing.get(asked.actor, RUN, pk, lock=True)
    if row.body["bot_id"] != bot:
        raise NotFound
    storing.change(asked.actor, row, body=body)
    return answers.nothing(status=202)
