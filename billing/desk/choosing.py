"""Choosing: looked at first, to the cent, then confirmed; bought at a checkout, or changed where a plan is there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from billing import plans, services, wording
from billing.providers import registry
from billing.providers.protocol import Preview, Target
from billing.site.calculator import is_module
from billing.subscribing import changing, overview, pricing_of, targets
from billing.subscribing import checkout as buying
from crm_platform.db import sides
from crm_platform.kernel import gates, workspace
from crm_platform.kernel.errors import CrmError, Invalid
from crm_platform.kernel.workspace import Place
from crm_platform.ui import responses

from . import reading, telling
from .asked import attempt, done, operation, payer, reader, say

WAYS = {"stripe": gettext_lazy("Pay by card"), "manual_invoice": gettext_lazy("Pay by bank transfer")}
WHEN = {"": None, "now": False, "end": True}


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """A choice with what it comes to; by htmx the costs alone."""
    payer(request)
    return _page(request, request.GET)


def _page(request: HttpRequest, values: QueryDict, *, refused: CrmError | None = None) -> HttpResponse:
    place: Place = request.place  # type: ignore[attr-defined]
    given = _given(values)
    looked, error = attempt(request, lambda: _look(place, given))
    seen = reading.overview(place, bills=False)
    target, preview, over = looked or (None, None, [])
    if target is not None and not seen.had.live:
        error = buying.above_ceiling(place, target)
    context: dict[str, Any] = {
        "seen": seen, "live": seen.had.live, "trial": seen.on == plans.TRIAL, "currency": seen.currency, "offers": [one for one in reading.offers(seen) if one.code != plans.FREE], "packets": _packets(seen, values),
        "given": given, "values": _values(seen, given, target), "problem": say(refused or error), "look": _costs(target, preview, over) if target and preview else None,
        "ways": sorted(((code, WAYS.get(code, code)) for code in registry.codes()), key=lambda way: [*WAYS, way[0]].index(way[0])), "pays_first": not seen.had.live and buying.pays_first(place), "kept": {name: text for name, text in given.items() if name != "coupon" or text},
    }  # fmt: skip
    fragment = responses.wants_fragment(request) and request.method == "GET"
    status = refused.status if refused else 200
    return responses.page(request, "desk/_cost.html" if fragment else "desk/choose.html", status=status, **context)


def _given(values: QueryDict) -> dict[str, str]:
    """What the form says, bounded: the verbs check it."""
    names = ("plan", "seats", "interval", "currency", "coupon", "begin", "when")
    return {name: str(text)[:60] for name, text in values.items() if name in names or name.startswith(targets.ADD_ON)}


def _look(place: Place, given: Mapping[str, str]) -> tuple[Target, Preview, list[str]]:
    """What is asked for, what it comes to, and what would freeze on it."""
    target = targets.target_from(place, _held_or_smallest(place, given))
    compared = next((one for one in overview.compare(place, only=target.plan, seats=target.seats)), None)
    return target, pricing_of.preview(place, target, at_end=WHEN.get(given.get("when", ""))), telling.freezes(compared) if compared else []


def _held_or_smallest(place: Place, given: Mapping[str, str]) -> dict[str, str]:
    """Where nothing is bought, the first look is at the smallest plan that holds the people who are here."""
    if given.get("plan"):
        return dict(given)
    with sides.unit(place):
        seen = reading.overview(place, bills=False)
        offered = [one for one in reading.offers(seen, special=False) if one.code != plans.FREE]
        people = max(1, seen.row.seats or gates.usage("users").used)
    if seen.had.live:
        return dict(given)
    fitting = next((one.code for one in offered if one.limits.get("users") is None or one.limits["users"] >= people), offered[-1].code)
    return {"seats": str(people), **given, "plan": fitting}


def _values(seen: reading.Overview, given: Mapping[str, str], target: Target | None) -> dict[str, str]:
    """What stands in the fields: what was typed, else what is looked at."""
    present = {"plan": target.plan, "seats": str(target.seats), "interval": str(target.interval), "currency": target.currency} if target else {}
    return {"plan": seen.row.plan.code, "seats": str(max(1, seen.row.seats)), "interval": "month", "coupon": "", **present, **{name: text for name, text in given.items() if text}}


def _packets(seen: reading.Overview, values: QueryDict) -> list[dict[str, Any]]:
    with sides.control_unit():
        sold = services.add_ons()
    had = {ref.partition(":")[0]: count for ref, count in seen.row.add_ons.items()}
    return [
        {"code": one.code, "name": wording.name_of(one.code), "module": is_module(one), "count": values.get(f"{targets.ADD_ON}{one.code}", str(had.get(one.code, 0)))[:12]} for one in sold
    ]  # fmt: skip


def _costs(target: Target, preview: Preview, over: list[str]) -> dict[str, Any]:
    return {
        "target": target, "told": telling.target_told(target), "now": telling.bill_rows(preview.now), "next": telling.bill_rows(preview.next), "next_at": preview.next_at,
        "as_of": preview.as_of.isoformat(), "over": over, "waits": not preview.now.lines and not target.trial_end, "credit": preview.now.total < 0,
    }  # fmt: skip


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Confirm what was looked at."""
    place, actor = payer(request)
    given, as_of, key = _given(request.POST), _as_of(request), operation(request)
    changed, error = attempt(
        request, lambda: changing.change(place, targets.target_from(place, given), as_of=as_of, at_end=WHEN.get(given.get("when", "")), actor=actor, operation=key)
    )  # fmt: skip
    if changed is None:
        return _page(request, request.POST, refused=error)
    if changed.confirm_url:
        return _away(changed.confirm_url)
    if changed.declined:
        return _page(request, request.POST, refused=Declining(reason=telling.declined(changed.declined)))
    return done(request, _("Changed. The new plan holds from now on.") if changed.applied else _("Noted. The change comes at the end of the period; until then it can be taken back."))


class Declining(Invalid):
    """The card was refused, so nothing changed."""

    code, status = "payment_declined", 402
    sentence = gettext_lazy("The payment was declined ({reason}). Nothing has changed; try another card, or ask your bank.")


def _as_of(request: HttpRequest) -> datetime:
    """The moment of the look, as the form carries it; one that is none is long ago, and the verb asks to look again."""
    try:
        found = parse_datetime(request.POST.get("as_of", ""))
    except ValueError:
        found = None
    return found if found is not None and found.tzinfo is not None else datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@require_POST
def checkout(request: HttpRequest) -> HttpResponse:
    """Go to pay: to the provider's page, or to the bill for the transfer."""
    place, actor = payer(request)
    given, way = _given(request.POST), request.POST.get("provider", "")[:20]
    back, plan = workspace.url(reverse("plan-return"), place=place), workspace.url(reverse("plan"), place=place)
    started, error = attempt(
        request,
        lambda: buying.begin_checkout(
            place, targets.target_from(place, given), provider=way, actor=actor, success_url=f"{back}?session={{CHECKOUT_SESSION_ID}}", cancel_url=plan
        ),
    )  # fmt: skip
    if started is None:
        return _page(request, request.POST, refused=error)
    if started.url:
        return _away(started.url)
    if not reading.overview(place, bills=False).had.live:
        return done(request, _("The bill is written. Its number stands on the transfer; the plan begins on the day on which the money comes."), to="plan-invoices")
    return done(request, _("The bill is written. Its number stands on the transfer; the plan works at once, for five days, while the money is on its way."), to="plan-invoices")


def _away(url: str) -> HttpResponse:
    """To a page of the provider's."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


@require_POST
def give_up(request: HttpRequest) -> HttpResponse:
    """The payer came back without paying, and wants something else."""
    place, actor = payer(request)
    _nothing, error = attempt(request, lambda: buying.give_up_checkout(place, actor=actor))
    return done(request, say(error) or _("The payment that was begun is closed. Nothing was charged."))


@require_safe
def come_back(request: HttpRequest) -> HttpResponse:
    """The page of return: it grants nothing; it says what is there, or waits calmly for it."""
    place, _actor = reader(request)
    reference = request.GET.get("session", "")[:200]
    there, error = attempt(request, lambda: buying.finish_checkout(place, reference))
    if isinstance(error, buying.NotPaid):  # nothing is to be waited for
        return done(request, say(error))
    if there:
        return done(request, _("Paid. Everything of the plan works from now on."))
    template = "desk/_confirming.html" if responses.wants_fragment(request) else "desk/confirming.html"
    response = responses.page(request, template, session=reference, problem=say(error))
    response.headers["Refresh"] = "10"
    return response


@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """What waits for the period's end is not wanted any more."""
    place, actor = payer(request)
    key = operation(request)
    _nothing, error = attempt(request, lambda: changing.take_back(place, "plan", actor=actor, operation=key))
    return done(request, say(error) or _("Taken back. All stays as it is."))
