"""What the owners are told by letter, since nobody looks there by himself: the workspace leaves, it stays, an own address fails. In its open unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import override

from crm_platform.accounts import directory
from crm_platform.kernel import workspace
from crm_platform.letters import post

from . import certificates
from .access import day
from .hosts import GRACE
from .models import Entry, HostState
from .naming import spoken

Letter = tuple[str, dict[str, Any]]


def write(entry: Entry) -> None:
    """To each owner in the own language, where the act is one of those."""
    draft = _DRAFTS.get(entry.kind)
    if draft is None:
        return
    for person in directory.owners():
        with override(person.language):
            found = draft(entry)
        if found is not None:
            template, facts = found
            post.write(str(person.email), template, language=person.language, **facts)


def _who(entry: Entry) -> str:
    return entry.by_name if entry.by_kind == "person" else str(certificates.ASKED_BY.get(entry.by_kind, entry.by_kind))


def _leaving(entry: Entry) -> Letter:
    told = entry.body["event"]["after"]
    moment = parse_datetime(told["erases_at"])
    return "leaving", {
        "who": _who(entry), "reason": entry.reason, "day": day(moment) if moment else "", "back": workspace.url("/settings/leaving"),
        "archives": workspace.url("/settings/archives"), "certificate": certificates.address(told["certificate"]),
    }  # fmt: skip


def _returned(entry: Entry) -> Letter:
    return "staying", {"who": _who(entry)}


def _host(entry: Entry) -> Letter | None:
    told = entry.body["event"]
    facts = {"host": spoken(told["after"]["name"]), "page": workspace.url("/settings/address")}
    if told["after"]["state"] == HostState.FAILING:
        return "host_failing", {**facts, "day": day(entry.at + GRACE)}
    if told["before"]["state"] == HostState.FAILING and told["after"]["state"] != HostState.ACTIVE:
        return "host_lost", facts
    return None


_DRAFTS: dict[str, Callable[[Entry], Letter | None]] = {"leaving": _leaving, "returned": _returned, "host_changed": _host}
