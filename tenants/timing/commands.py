"""The command line of business time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
from django.utils.dateparse import parse_date, parse_datetime

from crm_platform.kernel import clock, commands
from crm_platform.kernel.commands import answer, as_json

from . import services

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PIECE = re.compile(r"(\d+)([smhdw])")


@commands.group.group("clock")
def clock_group() -> None:
    """Business time: trials, reminders, due dates. Sessions and tokens never follow it."""


@clock_group.command("show")
@as_json
def show(as_json: bool) -> None:
    """What time it is for business."""
    _say(clock.now(), as_json=as_json)


@clock_group.command("set")
@click.argument("moment")
@as_json
def put(moment: str, as_json: bool) -> None:
    """Let it be MOMENT: 2027-03-01, or 2027-03-01T12:00:00Z (UTC where no zone is named)."""
    _say(services.put(_moment(moment)), as_json=as_json)


@clock_group.command("advance")
@click.argument("span")
@as_json
def advance(span: str, as_json: bool) -> None:
    """Move it ahead by SPAN: 15d, 36h, 1d12h, 90m; a bare number is days."""
    _say(services.put(clock.now() + _span(span)), as_json=as_json)


@clock_group.command("clear")
@as_json
def clear(as_json: bool) -> None:
    """Back to the world's time."""
    _say(services.put(None), as_json=as_json)


def _say(moment: datetime, *, as_json: bool) -> None:
    real = clock.real_now()
    ahead = (moment - real).total_seconds()
    facts = {"now": moment, "real": real, "ahead_seconds": round(ahead), "moved": abs(ahead) > 1}
    answer(facts, as_json=as_json, text=f"{moment:%Y-%m-%d %H:%M:%S} UTC" + (f" (the world: {real:%Y-%m-%d %H:%M:%S})" if facts["moved"] else ""))


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
        day = parse_date(text) if found is None else None
    except ValueError:
        found = day = None
    if found is None and day is not None:
        found = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if found is None:
        raise click.BadParameter(f"{text!r} is no moment; write 2027-03-01 or 2027-03-01T12:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _span(text: str) -> timedelta:
    if text.isdecimal():
        text = f"{text}d"
    pieces = _PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise click.BadParameter(f"{text!r} is no span; write 15d, 36h or 1d12h")
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in pieces), timedelta(0))
