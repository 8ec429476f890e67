"""What every page of the desk begins with: who asks, of which workspace, and the key that makes a form's act one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from billing import rights
from crm_platform.kernel.errors import Conflict, CrmError, Invalid, PlanRefusal
from crm_platform.kernel.permissions import Actor, as_ever, may
from crm_platform.kernel.workspace import Place
from crm_platform.ui import responses
from crm_platform.ui.once import FIELD
from tenants.errands import errand

T = TypeVar("T")
# What a page says in place, with what was typed still there; anything else is an error's page.
SAID = (Invalid, Conflict, PlanRefusal)


def reader(request: HttpRequest) -> tuple[Place, Actor]:
    """The workspace and who asks, if the person may see its money. Raises Forbidden."""
    place, actor = request.place, request.actor  # type: ignore[attr-defined]
    rights.require_to_see(actor)
    return place, actor


def payer(request: HttpRequest) -> tuple[Place, Actor]:
    """The same for what costs or saves money."""
    place, actor = request.place, request.actor  # type: ignore[attr-defined]
    rights.require_to_change(actor)
    return place, actor


def may_change(request: HttpRequest) -> bool:
    """Whether the person is offered what costs or saves money."""
    return may(as_ever(request.actor), rights.BILLING.right("edit"))  # type: ignore[attr-defined]


def operation(request: HttpRequest) -> str:
    """The act's key: of one drawn form, sent however often."""
    place: Place = request.place  # type: ignore[attr-defined]
    return f"{place.public_id}.{request.POST.get(FIELD, '')[:24] or uuid.uuid4().hex[:16]}"[:64]


def attempt(request: HttpRequest, do: Callable[[], T]) -> tuple[T | None, CrmError | None]:
    """What an errand comes to, or what it was refused with, to be said on the page."""
    try:
        return errand(request, do), None
    except SAID as error:
        return None, error
    except CrmError as error:
        if error.status not in (402, 503):
            raise
        return None, error


def done(request: HttpRequest, sentence: str, *, to: str = "plan") -> HttpResponse:
    """Back to a page, with what was done."""
    return responses.toast(request, responses.redirect(request, reverse(to)), sentence)


def say(error: CrmError | None) -> str:
    """A refusal in one sentence, with what its fields say."""
    if error is None:
        return ""
    fields = error.fields if isinstance(error, Invalid) else {}
    return " ".join(str(one) for several in fields.values() for one in several) or error.message
