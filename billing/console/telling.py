"""The journal of money and what stands beside it, as an operator reads it: the names of its lines and of their fields are for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _now

from billing import wording
from billing.documents.models import Invoice
from billing.documents.services import OURS
from billing.dunning.models import DunningStep
from billing.models import MoneyEntry, PendingChange, SeatEntry
from crm_platform.accounts.operators import LABELS
from crm_platform.kernel import countries, money
from crm_platform.ui.markup import figure

from . import words

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
# A sum in minor units, in the entry's own currency.
_SUMS = frozenset({"total", "amount", "over", "freed", "minor", "credit", "ceiling", "amount_minor"})
_ORDER = {name: place for place, name in enumerate(words.FIELDS)}
_MODES: dict[str, dict[str, Any]] = {"interval": words.INTERVALS, "status": words.STATUSES, "method": words.METHODS, "state": words.PLACES, "line_state": {state: label[0] for state, label in words.LINES.items()}, "difference": words.DRIFTS, "role": LABELS, "duration": words.DURATIONS}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal, in words."""

    entry: MoneyEntry
    name: Any
    before: str
    after: str

    @property
    def who(self) -> str:
        """Who did it; a provider is one of them."""
        return who(self.entry.actor)


def who(actor: str) -> str:
    """Who did it: a provider's code is for programs."""
    return _now("the provider") if actor.startswith("provider ") else actor


def journal(entries: Iterable[MoneyEntry], currencies: Mapping[str, str], *, usual: str) -> list[Line]:
    """All lines; `currencies` by a document's number for those that do not name one, `usual` where that says nothing either."""
    return [_line(entry, currencies, usual) for entry in entries]


def _line(entry: MoneyEntry, currencies: Mapping[str, str], usual: str) -> Line:
    number = entry.after.get("number") or entry.before.get("number") or ""
    currency = entry.after.get("currency") or currencies.get(number) or usual
    return Line(entry, words.MONEY.get(entry.name, entry.name), facts(entry.before, currency=currency), facts(entry.after, currency=currency))


def facts(values: Mapping[str, Any], *, currency: str = "") -> str:
    """What a line of a journal keeps, as a sentence: "Seats: 5; plan: Team 1"."""
    told = sorted((name for name, value in values.items() if _is_told(name, value)), key=lambda name: _ORDER.get(name, len(_ORDER)))
    return "; ".join(_fact(name, values[name], currency) for name in told)


def _is_told(name: str, value: Any) -> bool:
    """Not what is empty, nor the key of a row."""
    return name not in ("currency", "payer") and value not in (None, "", [], {}) and not (value == 0 and name in ("over", "freed", "declined"))


def _fact(name: str, value: Any, currency: str) -> str:
    label: Any = words.FIELDS.get(name) or words.METRICS.get(name) or words.MODULES.get(name) or name
    return _now("%(label)s: %(value)s") % {"label": label, "value": _value(name, value, currency)}


def _value(name: str, value: Any, currency: str) -> str:
    if name in _SUMS and isinstance(value, int) and currency:
        return money.show(value, currency=currency)
    if name in ("tax_bp", "percent_bp") and isinstance(value, int):
        return f"{value / 100:g} %"
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, Mapping):
        return _pair(name, value, currency) if name != "add_ons" else ", ".join(f"{_sold(ref)} × {figure(count)}" for ref, count in value.items())
    if isinstance(value, list):
        return ", ".join(_value(name, one, currency) for one in value)
    return (_now("yes") if value else _now("no")) if isinstance(value, bool) else figure(value) if isinstance(value, int) else "∞" if value is None else str(value)


def _pair(name: str, value: Mapping[str, Any], currency: str) -> str:
    """What belongs together: "ours 5, theirs 8"; the values are of the field around them."""
    if not value.keys() <= {"ours", "theirs"}:
        return facts(value, currency=currency)
    return ", ".join(f"{words.FIELDS[side]} {_value(name, one, currency)}" for side, one in value.items())


def _text(name: str, value: str) -> str:
    if _MOMENT.match(value) and (moment := parse_datetime(value)):
        return date_format(moment, "j E Y")
    if name in ("plan", "add_on", "code"):
        return _sold(value)
    if name == "country":
        return countries.name_of(value)
    known = _MODES.get(name, {}).get(value)
    return value if known is None else str(known)


def _sold(ref: str) -> str:
    """ "team:2" as "Team 2"."""
    code, _colon, version = ref.partition(":")
    return f"{wording.name_of(code)} {version}".rstrip()


def seats(entries: Iterable[SeatEntry]) -> list[dict[str, Any]]:
    """The ledger of seats: why and of which kind."""
    return [{"row": row, "why": words.MONEY.get(row.reason) or words.REASONS.get(row.reason, row.reason), "kind": words.SEATS.get(row.kind, row.kind), "who": who(row.actor), "change": f"{'+' if row.change > 0 else '−'}{figure(abs(row.change))}"} for row in entries]


def changes(rows: Iterable[PendingChange]) -> list[dict[str, Any]]:
    """What waits: what it is and what there will be."""
    return [{"row": row, "name": words.CHANGES.get(row.kind, row.kind), "target": facts(row.target, currency=str(row.target.get("currency") or ""))} for row in rows]


def documents(rows: Iterable[Invoice]) -> list[dict[str, Any]]:
    """Documents of a workspace: what each is, how it stands, whether there is paper, and whether a transfer may be recorded on it."""
    return [
        {
            "row": row, "kind": words.DOCUMENTS.get(row.kind, row.kind), "label": words.PAID[row.status], "paper": row.has_paper,
            "by_transfer": row.provider == OURS and row.kind == "proforma" and row.status in ("open", "uncollectible"), "left": row.paid_minor - row.refunded_minor, "owed": row.due_minor, "owed_told": money.show(row.due_minor, currency=row.currency),
        }
        for row in rows
    ]  # fmt: skip


def steps(taken: Iterable[DunningStep], coming: Iterable[tuple[str, datetime]]) -> list[dict[str, Any]]:
    """The reminders, those to come first, the latest of them on top: what, when, and how many letters."""
    told = [{"name": words.STEPS.get(step, step), "at": at, "state": "coming", "letters": None} for step, at in coming]
    return [*reversed(told), *({"name": words.STEPS.get(row.step, row.step), "at": row.at, "state": row.state, "letters": row.letters} for row in taken)]
