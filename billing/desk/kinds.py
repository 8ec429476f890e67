"""Kinds of seats: full ones, those that only look, those paid by the day up to a ceiling, places that people share; and who has which."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing import pricing
from billing.pricing import Interval
from billing.pricing.terms import Seats
from billing.seats import admitting, buying, choosing
from billing.seats.terms import terms
from crm_platform.accounts import directory, roles
from crm_platform.accounts.models import Access, Role, Seat, User
from crm_platform.accounts.roles import OWNER
from crm_platform.kernel import gates
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import reading
from .asked import SAID, attempt, done, payer, say


@require_http_methods(["GET", "POST"])
def kinds(request: HttpRequest) -> HttpResponse:
    """What kinds there are and what each costs; the ceiling of seats by the day is set here."""
    place, actor = payer(request)
    typed, problem, status = None, "", 200
    if request.method == "POST":
        typed = request.POST.get("days", "").strip()[:12]
        days = None if not typed else _days(typed)
        _nothing, error = attempt(request, lambda: buying.set_occasional_ceiling(place, days, actor=actor))
        if error is None:
            return done(request, _("Saved. Beyond the ceiling a log-in asks an administrator.") if days else _("Saved. There are no seats by the day any more."), to="plan-seats-kinds")
        problem, status = say(error), error.status
    return responses.page(request, "desk/kinds.html", status=status, problem=problem, **_kinds(reading.overview(place), typed))


def _days(text: str) -> int:
    """What is no number is refused by the verb, like nought."""
    found = whole(text)
    return 0 if found is None else found


def _kinds(seen: reading.Overview, typed: str | None) -> dict[str, Any]:
    sold, now = pricing.read(seen.row.plan.terms), terms()
    shared = now.kind == Seats.CONCURRENT
    day = sold.day.get(seen.currency, 0) if seen.had.live else 0
    ceiling = seen.row.occasional_ceiling
    people = [person for person in directory.everyone().values() if person.access in (Access.ACTIVE, Access.INVITED)]
    return {
        "seen": seen, "live": seen.had.live, "currency": seen.currency, "shared": shared, "unlimited": now.kind == Seats.UNLIMITED and seen.had.live, "full": gates.usage("users"), "viewers": gates.usage("viewers"),
        "by_day": sum(1 for person in people if person.seat == Seat.OCCASIONAL and not person.role.view_only), "day": day, "ceiling": ceiling,
        "days": str(ceiling or "") if typed is None else typed, "used": admitting.days_used(admitting.month()), "most": day * (ceiling or 0),
        "seat": _seat_price(seen, sold) if seen.had.live else 0, "bought": now.bought, "at_work": len(admitting.at_work()) if shared else 0,
    }  # fmt: skip


def _seat_price(seen: reading.Overview, sold: pricing.Terms) -> int:
    interval = Interval(seen.row.interval or "month")
    return pricing.a_month(sold.rate(seen.currency, interval).unit(max(1, seen.row.seats)), interval)


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Which kind of seat somebody has, and with which role."""
    place, actor = payer(request)
    who = directory.everyone().get(pk)
    if who is None or who.access not in (Access.ACTIVE, Access.INVITED):
        raise NotFound
    chosen, role = _kind_of(who), who.role_id
    error: CrmError | None = None
    if request.method == "POST":
        chosen = request.POST.get("kind", "")[:20]
        writes = chosen != choosing.VIEWER
        role = whole(request.POST.get("role" if writes else "viewer_role", "")) or 0
        try:
            choosing.give(actor, pk=pk, kind=chosen, role_id=role)
        except SAID as refused:
            error = refused
        else:
            return done(request, _("Saved. The seat of %(name)s is of the new kind from now on.") % {"name": who.name}, to="plan-seats")
    seen = reading.overview(place)
    every = list(Role.objects.order_by("pk"))
    context = {
        **_kinds(seen, None), "who": who, "owner": who.role.code == OWNER, "kind": chosen, "role": role, "problem": say(error),
        "writing": [(one.pk, roles.label_of(one)) for one in every if not one.view_only and one.code != OWNER], "looking": [(one.pk, roles.label_of(one)) for one in every if one.view_only],
    }  # fmt: skip
    return responses.page(request, "desk/seat.html", status=error.status if error else 200, **context)


def _kind_of(who: User) -> str:
    return choosing.VIEWER if who.role.view_only else who.seat
