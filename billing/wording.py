"""What is sold, as people read it: the lines of a quote, a preview or a bill in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_platform.kernel.money import show
from crm_platform.ui.markup import figure

from . import plans
from .pricing import Line, Quote

# Plans that are counted by those at work at the same time.
AT_ONCE = frozenset({"crew"})


@dataclass(frozen=True, slots=True)
class Told:
    """One line: what it is, what it comes to before discount and tax."""

    name: str
    amount: int


def name_of(code: str) -> str:
    """A plan, packet or module by its code."""
    return str(plans.NAMES.get(code, code))


def line_name(line: Line, currency: str) -> str:
    """What a line is for: "Team, 5 people × €19"; a part of a period without the price of each, and what is given back as credit."""
    said = _whole(line, currency) if line.amount == line.unit * line.quantity and line.amount >= 0 else _part(line)
    return _("Credit: %(line)s") % {"line": said} if line.amount < 0 else said


def _whole(line: Line, currency: str) -> str:
    kind, code = _of(line)
    values = {"name": name_of(code), "n": figure(line.quantity), "unit": show(line.unit, currency=currency)}
    if kind == "days":
        return _("%(name)s, days of seats by the day: %(n)s × %(unit)s") % values
    if line.ref.endswith(":base") or (kind != "plan" and line.quantity == 1):
        return values["name"]
    if kind != "plan":
        return _("%(name)s, %(n)s × %(unit)s") % values
    if code in AT_ONCE:
        return ngettext("%(name)s, %(n)s person at work at a time × %(unit)s", "%(name)s, %(n)s people at work at a time × %(unit)s", line.quantity) % values
    return ngettext("%(name)s, %(n)s person × %(unit)s", "%(name)s, %(n)s people × %(unit)s", line.quantity) % values


def _part(line: Line) -> str:
    kind, code = _of(line)
    values = {"name": name_of(code), "n": figure(line.quantity)}
    if line.ref.endswith(":base") or kind != "plan":
        return values["name"]
    return ngettext("%(name)s, %(n)s person", "%(name)s, %(n)s people", line.quantity) % values


def _of(line: Line) -> tuple[str, str]:
    kind, _colon, rest = line.ref.partition(":")
    return kind, rest.partition(":")[0]


def lines(quote: Quote) -> list[Told]:
    """All lines of a quote, as they stand on a bill."""
    return [Told(line_name(line, quote.currency), line.amount) for line in quote.lines]
