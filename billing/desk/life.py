"""Cancel and resume, pause and come back, promise to pay, the card."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.plans import FREE
from billing.pricing import Interval
from billing.pricing.periods import after
from billing.providers.registry import provider_for
from billing.subscribing import life, pausing
from billing.subscribing.accounts import NothingBought
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import reading, telling
from .asked import attempt, done, operation, payer, say
from .choosing import _away

LONGEST = pausing.LONGEST_PAUSE


@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """Ask once, with what Free would not hold; then end the plan at its period's end."""
    place, actor = payer(request)
    error = None
    if request.method == "POST":
        key = operation(request)
        _nothing, error = attempt(request, lambda: life.cancel(place, actor=actor, operation=key))
        if error is None:
            return done(request, _("Cancelled. Everything works to the end of the period; until then it can be taken back."))
    seen, (free,) = reading.with_plans(place, only=FREE)
    return responses.page(
        request, "desk/cancel.html", status=error.status if error else 200, seen=seen, live=seen.had.live, ends=telling.day(seen.row.period_end), over=telling.freezes(free), problem=say(error),
        planned=telling.waiting_told(seen.waiting["plan"]) if "plan" in seen.waiting else "",
    )  # fmt: skip


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """The cancelled plan goes on."""
    place, actor = payer(request)
    key = operation(request)
    _nothing, error = attempt(request, lambda: life.resume(place, actor=actor, operation=key))
    return done(request, say(error) or _("The plan goes on. Nothing else has changed."))


@require_http_methods(["GET", "POST"])
def pause(request: HttpRequest) -> HttpResponse:
    """For how long, and what a pause means; then pause."""
    place, actor = payer(request)
    error, months = None, whole(request.POST.get("months"))
    if request.method == "POST":
        key = operation(request)
        until, error = attempt(request, lambda: pausing.pause(place, months or 0, actor=actor, operation=key))
        if error is None:
            return done(request, _("Paused until %(day)s. Come back any day before.") % {"day": telling.day(until)})
    seen = reading.overview(place, bills=False)
    return responses.page(
        request, "desk/pause.html", status=error.status if error else 200, seen=seen, live=seen.had.live, months=months or 1, next_at=seen.row.period_end, choices=[(n, after(clock.now(), Interval.MONTH, n)) for n in range(1, LONGEST + 1)], problem=say(error)
    )  # fmt: skip


@require_POST
def unpause(request: HttpRequest) -> HttpResponse:
    """Come back before the pause's end."""
    place, actor = payer(request)
    key = operation(request)
    _nothing, error = attempt(request, lambda: pausing.unpause(place, actor=actor, operation=key))
    return done(request, say(error) or _("Welcome back. Everything works again."))


@require_POST
def promise(request: HttpRequest) -> HttpResponse:
    """Seven days more of full work."""
    place, actor = payer(request)
    until, error = attempt(request, lambda: life.promise(place, actor=actor))
    return done(request, say(error) or _("Noted. Everything works until %(day)s.") % {"day": telling.day(until)})


@require_POST
def card(request: HttpRequest) -> HttpResponse:
    """To the provider's page where card and address are kept; no card is ever typed here."""
    place, _actor = payer(request)
    account = reading.overview(place, bills=False).had.account
    if not account.external_id:
        raise NothingBought
    back = workspace.url(reverse("plan"), place=place)
    url, error = attempt(request, lambda: provider_for(account).manage_url(account.external_id, return_url=back))
    return _away(url) if url else done(request, say(error) or _("This way of paying keeps no card: each bill is paid by transfer."))
