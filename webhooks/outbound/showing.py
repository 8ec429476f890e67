"""How subscriptions, deliveries and answers are shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock

from . import catalogue
from .failing import OPENS_AFTER
from .models import Hook, HookDelivery
from .transport import Problem

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_PROBLEMS: dict[str, str | _StrPromise] = {
    Problem.PRIVATE: _("The name leads to a private network; nothing was sent"),
    Problem.SLOW: _("No answer within 5 seconds"),
    Problem.UNREACHABLE: _("Not reachable"),
    Problem.TLS: _("The certificate is not good"),
    Problem.REDIRECT: _("It sends elsewhere; that is not followed"),
    Problem.STATUS: _("It refused"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt: when, and what came back."""

    at: datetime
    status: int
    ms: int
    said: str
    problem: str | _StrPromise
    good: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One line of the log."""

    row: HookDelivery
    what: str
    last: Answer | None


@dataclass(frozen=True, slots=True)
class Line:
    """One subscription: what it is told of, how it does (`tone` as badges have it)."""

    hook: Hook
    what: str
    state: str | _StrPromise
    tone: str
    last: Answer | None


def answer(told: dict[str, Any]) -> Answer:
    """An answer as it is kept."""
    status = int(told.get("status", 0))
    return Answer(datetime.fromisoformat(told["at"]), status, int(told.get("ms", 0)), str(told.get("said", "")), _PROBLEMS.get(told.get("problem", ""), ""), 200 <= status < 300)


def names(settings: list[str]) -> str:
    """Settings in words, those without words as they are."""
    found = [catalogue.find(name) for name in settings]
    return ", ".join(f"{setting.group}: {setting.label}" if setting else name for setting, name in zip(found, settings, strict=True))


def tried(row: HookDelivery) -> Tried:
    """A delivery as a line."""
    told = [name for name in row.settings if name != "test"]
    return Tried(row, names(told[:2]) + (", …" if len(told) > 2 else ""), answer(row.answers[-1]) if row.answers else None)


def line(hook: Hook, answers: list[dict[str, Any]] | None = None) -> Line:
    """A subscription as a line, with the last of some answers."""
    state, tone = _state(hook)
    return Line(hook, names(hook.settings[:3]), state, tone, answer(answers[-1]) if answers else None)


def _state(hook: Hook) -> tuple[str | _StrPromise, str]:
    if hook.disabled_at is not None:
        return _("Switched off"), "bad" if hook.disabled_why == "failing" else ""
    if hook.failures >= OPENS_AFTER and hook.paused_until is not None and hook.paused_until > clock.real_now():
        return _("Does not answer; tried now and then"), "bad"
    if hook.failures:
        return _("Last answer was not good"), "warn"
    return _("On"), "good"


def body(row: HookDelivery) -> str:
    """A body to be read: JSON indented, a form one pair a line."""
    if row.body.startswith("{"):
        return json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
    return "\n".join(f"{name} = {value}" for name, value in parse_qsl(row.body, keep_blank_values=True))
