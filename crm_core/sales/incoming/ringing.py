"""Telephones that ring just now: kept for two minutes in Redis, for each person the last call alone (decision 0034).

Without Redis nobody is shown a call, and nothing else is different.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from redis.exceptions import RedisError

from crm_core.people import reaching
from crm_core.people.companies.kind import COMPANY
from crm_core.people.contacts.kind import CONTACT
from crm_core.sales.deals import queries as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.permissions import DEALS
from crm_core.sales.pipelines.models import StageKind
from crm_platform.kernel import clock, versions, workspace
from crm_platform.kernel.permissions import Actor, may, reach
from crm_platform.ui.ringing import MARK

from . import queries
from .permissions import INCOMING

# Seconds after which a call that nobody ended is no longer shown.
RINGS_FOR = 120
_MOST_DEALS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the person it is for is shown it: `uid` is its name, `number` as its telephone system wrote it."""

    uid: str
    number: str


@dataclass(slots=True)
class Caller:
    """What the actor may know of a number. `records` and `deals` are (name, address); `unknown`: nobody here has the number.

    `lead` is the address where its lead waits, `new` that of a new contact. All is empty for a number that only records out of the actor's reach have.
    """

    records: list[tuple[str, str]] = field(default_factory=list)
    deals: list[tuple[str, str]] = field(default_factory=list)
    unknown: bool = False
    lead: str = ""
    new: str = ""


def ring(people: Iterable[int], number: str, *, uid: str) -> None:
    """These people's telephones ring, as soon as the unit is kept. `uid` tells one call from another."""
    name, until = _name(), clock.now().timestamp() + RINGS_FOR
    rows = {str(pk): json.dumps({"uid": uid, "number": number, "until": until}) for pk in people}
    if rows and number:
        transaction.on_commit(lambda: _keep(name, rows), using=workspace.here().alias)


def _keep(name: str, rows: dict[str, str]) -> None:
    with suppress(RedisError):
        there = dict(zip(rows, _redis().hmget(name, list(rows)), strict=True))
        fresh = {person: row for person, row in rows.items() if not _same(there[person], row)}
        if fresh:
            with _redis().pipeline(transaction=False) as both:
                both.hset(name, mapping=fresh)
                both.expire(name, RINGS_FOR)
                both.execute()
    versions.mark(MARK)


def _same(kept: str | None, row: str) -> bool:
    """Whether a call is known to a person already: told again it neither comes back after it was closed nor lasts longer."""
    before, now = json.loads(kept) if kept else {}, json.loads(row)
    return bool(before and before["uid"] == now["uid"] and before["until"] > clock.now().timestamp())


def expected() -> None:
    """Calls are to be told from now on: the pages of the workspace ask for them as soon as the unit is kept."""
    transaction.on_commit(lambda: versions.mark(MARK), using=workspace.here().alias)


def end(numbers: Iterable[str]) -> None:
    """Calls of these numbers are over: nobody is shown them any longer."""
    over = {key for number in numbers for key in reaching.keys_of_call(number)}
    with suppress(RedisError):
        for person, row in (_redis().hgetall(_name()) if over else {}).items():
            if not over.isdisjoint(reaching.keys_of_call(json.loads(row)["number"])):
                _redis().hdel(_name(), person)


def hush(uid: str, *, only: int | None = None, but: int | None = None) -> None:
    """One call is over as soon as the unit is kept: for everyone; for `only` one person, where it rings there; or for all `but` who took it."""
    name = _name()
    transaction.on_commit(lambda: _hush(name, uid, only, but), using=workspace.here().alias)


def _hush(name: str, uid: str, only: int | None, but: int | None) -> None:
    with suppress(RedisError):
        rows = {person: row for person, text in _redis().hgetall(name).items() if (row := json.loads(text))["uid"] == uid}
        meant = [str(only)] if str(only) in rows else [person for person in rows if person != str(but)]
        if meant:
            _redis().hset(name, mapping={person: json.dumps({**rows[person], "over": True}) for person in meant})


def of(person: int) -> Call | None:
    """The call that rings at a person's telephone."""
    try:
        row = _redis().hget(_name(), str(person))
    except RedisError:
        return None
    said: dict[str, Any] = json.loads(row) if row else {"until": 0.0}
    return Call(said["uid"], said["number"]) if said["until"] > clock.now().timestamp() and not said.get("over") else None


def close(person: int, uid: str) -> None:
    """The person has seen the call: it is shown in none of their windows; one that came meanwhile is."""
    call = of(person)
    if call is not None and call.uid == uid:
        _hush(_name(), uid, person, None)


def caller(actor: Actor, number: str) -> Caller:
    """Whose the number is, of what the actor may see: contacts, else companies, with their open deals; else what can be made of it."""
    found, keys = Caller(), reaching.keys_of_call(number)
    had = False
    for kind in (CONTACT, COMPANY):
        pks = reaching.with_keys(kind.model, keys) if keys else []
        rows = kind.model.objects.filter(pk__in=pks, binned_at=None)
        had = had or rows.exists()
        record = rows.filter(reach(actor, kind.entity.VIEW)).order_by("pk").first() if had else None
        if record is not None:
            found.records = [(record.name, kind.url(record.pk))]
            found.deals = _open_deals(actor, kind.code, record.pk)
            return found
    if not had:
        found.unknown, found.lead = True, _waiting(actor, keys)
        found.new = reverse("contacts-new") if may(actor, CONTACT.entity.CREATE) and not found.lead else ""
    return found


def _open_deals(actor: Actor, entity: str, pk: int) -> list[tuple[str, str]]:
    rows = deals.of_record(actor, entity, pk) if may(actor, DEALS.VIEW) else []
    return [(deal.name, DEAL.url(deal.pk)) for deal in rows if deal.state == StageKind.OPEN][:_MOST_DEALS]


def _waiting(actor: Actor, keys: Sequence[str]) -> str:
    """Where the lead of this number waits."""
    lead = queries.waiting(actor).filter(keys__overlap=list(keys)).first() if keys and may(actor, INCOMING.VIEW) else None
    return reverse("unsorted-one", args=[lead.uid]) if lead else ""


def _name() -> str:
    return f"{workspace.prefix()}:ringing"


@functools.cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.CACHE_REDIS_URL, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)
