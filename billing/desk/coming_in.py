"""Somebody who cannot come in asks; an administrator answers on the page of seats."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.seats import asking
from crm_platform.accounts import seats
from crm_platform.accounts.models import User
from crm_platform.kernel.errors import CrmError
from crm_platform.ui import responses

from .asked import SAID, attempt, done, payer, say


@require_http_methods(["GET", "POST"])
def asked(request: HttpRequest) -> HttpResponse:
    """Who is kept out asks, and sees here what became of it; who is not comes in."""
    person = cast(User, request.user)
    try:
        seats.admit(person)
    except CrmError as kept_out:
        if request.method == "POST":
            asking.ask(person)
            return responses.redirect(request, "/seat-asked")
        return responses.page(request, "desk/asked.html", last=asking.latest(person.pk), kept_out=kept_out)
    return responses.redirect(request, "/")


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Let in for today, give a seat, or refuse."""
    place, actor = payer(request)
    act = request.POST.get("act")
    if act == "let-in":
        person, error = attempt(request, lambda: asking.let_in(place, pk, actor=actor))
        return done(request, say(error) if person is None else _("%(name)s can come in today.") % {"name": person.name}, to="plan-seats")
    try:
        person = asking.give_seat(actor, pk=pk) if act == "seat" else asking.refuse(actor, pk=pk)
    except SAID as error:
        return done(request, say(error), to="plan-seats")
    said = _("%(name)s has a full seat now.") if act == "seat" else _("%(name)s was told that it is a no for today.")
    return done(request, said % {"name": person.name}, to="plan-seats")
