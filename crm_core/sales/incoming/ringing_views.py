"""The card of a call that rings at one's telephone; pages ask for it by themselves (`ui.ringing`)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from crm_core.people import reaching
from crm_platform.kernel.permissions import Actor
from crm_platform.ui import responses
from crm_platform.ui.ringing import AGAIN, asks_every

from . import ringing


@require_safe
def card(request: HttpRequest) -> HttpResponse:
    """Who is calling; 204 where it is the call already `?shown=`, or there is none and none is shown, and nothing at all once it is over. `X-Ask-Every` says when to ask again."""
    response = _card(request)
    response.headers[AGAIN] = str(asks_every(request))
    return response


def _card(request: HttpRequest) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    shown, call = request.GET.get("shown", ""), ringing.of(actor.user_id or 0)
    if call is None:
        return HttpResponse(status=200 if shown else 204)
    if call.uid == shown:
        return HttpResponse(status=204)
    number = reaching.read_phone(call.number, reaching.country())
    return responses.fragment(request, "incoming/_ringing.html", call=call, number=number, shown_number=reaching.show_phone(number), caller=ringing.caller(actor, call.number))


@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """One has seen it."""
    ringing.close(request.actor.user_id, request.POST.get("call", ""))  # type: ignore[attr-defined]
    return HttpResponse(status=204)
