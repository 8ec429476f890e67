"""Seats: who sits where, more and fewer looked at to the cent and then confirmed, who stays when there are fewer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import pricing
from billing.providers.protocol import Preview
from billing.seats import admitting, asking, buying, choosing
from billing.seats.terms import terms
from crm_platform.accounts import directory, roles
from crm_platform.accounts.models import Access, User
from crm_platform.accounts.roles import OWNER, PEOPLE
from crm_platform.kernel import gates
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.permissions import Action, may
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.markup import figure

from . import reading, telling
from .asked import SAID, attempt, done, may_change, operation, payer, reader, say
from .choosing import _as_of, _away


@require_safe
def seats(request: HttpRequest) -> HttpResponse:
    """Everybody with a seat, when they were last here, and how many seats there are."""
    place, _actor = reader(request)
    seen = reading.overview(place, bills=False)
    people = [_drawn(person) for person in directory.everyone().values() if person.access in (Access.ACTIVE, Access.INVITED)]
    usage = gates.usage("users")
    waits = seen.waiting.get("seats")
    ceiling = terms().occasional
    context: dict[str, Any] = {
        "seen": seen, "live": seen.had.live, "people": people, "used": usage.used, "limit": usage.limit, "over": usage.limit is not None and usage.used > usage.limit,
        "free": max(0, usage.limit - usage.used) if usage.limit is not None else 0, "waits": waits,
        "waiting": waits.target.get("added", 0) if waits else 0, "may_edit": may_change(request), "may_choose": choosing.may_choose(request.actor),  # type: ignore[attr-defined]
        "may_give": may_change(request) and may(request.actor, PEOPLE.right(Action.EDIT)),  # type: ignore[attr-defined]
        "asking": [{"row": row, "person": person, "days": row.why == asking.DAYS} for row, person in asking.waiting()], "currency": seen.currency,
        "day_price": pricing.read(seen.row.plan.terms).day.get(seen.currency, 0), "ceiling": ceiling, "days_used": admitting.days_used(admitting.month()) if ceiling else 0,
    }  # fmt: skip
    return responses.page(request, "desk/seats.html", **context)


def _drawn(person: User) -> dict[str, Any]:
    state = getattr(person, "seat_state", "held")
    if person.role.view_only:
        kind, tone = _("Only looks, free"), ""
    elif state == "pending":
        kind, tone = _("Waits for its payment, looks"), "warn"
    elif state == "none":
        kind, tone = _("Left without a seat"), "warn"
    elif getattr(person, "seat", "named") == "occasional":
        kind, tone = _("By the day"), ""
    else:
        kind, tone = _("Full"), ""
    return {"person": person, "role": roles.label_of(person.role), "kind": kind, "tone": tone, "owner": person.role.code == OWNER, "invited": person.access == Access.INVITED}


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Look at what seats more or fewer come to; confirm it. What was typed stays after a refusal."""
    place, actor = payer(request)
    values = request.POST if request.method == "POST" else request.GET
    count, fewer = whole(values.get("count")), values.get("way") == "fewer"
    if request.method == "GET" or count is None:
        return _look(request, count=count, fewer=fewer)
    as_of, key = _as_of(request), operation(request)
    if fewer:
        _nothing, error = attempt(request, lambda: buying.remove(place, count, as_of=as_of, actor=actor, operation=key))
        said = ngettext("%(n)s seat is given back. What is left of it is credited.", "%(n)s seats are given back. What is left of them is credited.", count)
        return _look(request, count=count, fewer=True, refused=error) if error else done(request, said % {"n": figure(count)}, to="plan-seats")
    added, error = attempt(request, lambda: buying.add(place, count, as_of=as_of, actor=actor, operation=key))
    if added is None:
        return _look(request, count=count, fewer=False, refused=error)
    if added.confirm_url:
        return _away(added.confirm_url)
    if not added.applied:
        said = _("The payment did not go through. The seats wait for it until %(day)s: who sits on them may look. Nothing else has changed.") % {"day": telling.day(added.until)}
        return done(request, said, to="plan-seats")
    said = ngettext("%(n)s seat more, from now on.", "%(n)s seats more, from now on.", count) % {"n": figure(count)}
    return done(request, said, to="plan-seats")


def _look(request: HttpRequest, *, count: int | None, fewer: bool, refused: CrmError | None = None) -> HttpResponse:
    place = request.place  # type: ignore[attr-defined]
    preview: Preview | None = None
    error: CrmError | None = None
    if count:
        wanted = -count if fewer else count
        preview, error = attempt(request, lambda: buying.preview(place, wanted))
    seen = reading.overview(place, bills=False)
    look = None
    if preview is not None:
        now = telling.bill_rows(preview.now)
        look = {"now": now, "next": telling.bill_rows(preview.next), "next_at": preview.next_at, "as_of": preview.as_of.isoformat(), "credit": preview.now.total < 0, "back": -preview.now.total}
    context: dict[str, Any] = {
        "seen": seen, "live": seen.had.live, "count": 1 if count is None else count, "asked": count is not None, "fewer": fewer, "look": look, "problem": say(refused or error), "currency": seen.currency,
        "bought": seen.row.seats, "used": gates.usage("users").used,
    }  # fmt: skip
    template = "desk/_seat_cost.html" if responses.wants_fragment(request) and request.method == "GET" else "desk/seats_change.html"
    return responses.page(request, template, status=refused.status if refused else 200, **context)


@require_POST
def waiting(request: HttpRequest) -> HttpResponse:
    """Seats that wait for their payment: pay for them, or give them up."""
    place, actor = payer(request)
    key = operation(request)
    if request.POST.get("act") == "give-up":
        _nothing, error = attempt(request, lambda: buying.give_up_pending(place, actor=actor))
        return done(request, say(error) or _("Given up. Nothing was charged."), to="plan-seats")
    added, error = attempt(request, lambda: buying.pay_pending(place, actor=actor, operation=key))
    if added is not None and added.confirm_url:
        return _away(added.confirm_url)
    if added is not None and not added.applied:
        return done(request, _("The payment did not go through. The seats still wait; try another card."), to="plan-seats")
    return done(request, say(error) or _("Paid. Everybody on these seats works fully now."), to="plan-seats")


@require_http_methods(["GET", "POST"])
def stay(request: HttpRequest) -> HttpResponse:
    """Who keeps a seat: nobody's records vanish, owners always stay."""
    payer(request)
    if not choosing.may_choose(request.actor):  # type: ignore[attr-defined]
        raise choosing.OwnersChoose
    rows, usage = choosing.seated(), gates.usage("users")
    chosen = {pk for text in request.POST.getlist("people") if (pk := whole(text)) is not None} if request.method == "POST" else {person.pk for person in rows[: usage.limit]}
    problem, status = "", 200
    if request.method == "POST":
        try:
            left_out = choosing.choose_who_stays(request.actor, people=chosen)  # type: ignore[attr-defined]
        except SAID as error:
            problem, status = say(error), error.status
        else:
            names = ", ".join(person.name for person in left_out[:5])
            return done(request, _("Noted. Without a seat for now: %(names)s. Their records stay theirs.") % {"names": names} if left_out else _("Noted. Everybody has a seat."), to="plan-seats")
    people = [{"person": person, "role": roles.label_of(person.role), "owner": person.role.code == OWNER, "stays": person.pk in chosen or person.role.code == OWNER} for person in rows]
    return responses.page(request, "desk/stay.html", status=status, people=people, limit=usage.limit, used=usage.used, problem=problem)
