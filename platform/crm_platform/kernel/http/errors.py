"""The one place where a refusal becomes an answer: a page, a fragment, or JSON."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import budgets
from crm_platform.kernel.budgets import BudgetSpent
from crm_platform.kernel.errors import (
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotSignedIn,
    PlanRefusal,
    TooMany,
    Unavailable,
    Unpaid,
)

_log = logging.getLogger("kartoteka.errors")
# PostgreSQL's state "disk_full".
_DISK_FULL = "53100"


class PageOutOfDate(Forbidden):
    """The form's token does not fit the browser's cookie."""

    code = "page_out_of_date"
    sentence = _("This page had been open too long, or cookies are switched off. Go back, reload it and send it again.")


class Tripped(CrmError):
    """An error of ours."""

    code, status = "tripped", 500
    sentence = _("We tripped, not you. Nothing was saved by this click. The number is {number}.")


class Unreadable(CrmError):
    """A request that is no form, or larger than one."""

    code, status = "unreadable", 400
    sentence = _("What was sent is larger than a form may be, or damaged. Nothing was saved.")


class NoRoom(Unavailable):
    """A disk of the server is full."""

    code = "no_room"
    sentence = _("The server’s disk is full. Nothing was saved by this click; whoever runs the server must make room first.")


class ReadsTooMuch(Invalid):
    """A statement ran longer than its effort allows, so the database ended it."""

    code, status = "reads_too_much", 413
    sentence = _("This reads too much at once, so it was stopped before it slowed others down. Narrow the period or the filters and try again.")


class BeingChanged(Conflict):
    """Another transaction holds what this one wanted to change, longer than a person waits."""

    code = "being_changed"
    sentence = _("Something else is changing this at the moment. Nothing was saved; try again in a minute.")


def bears_token(request: HttpRequest) -> bool:
    """Whether a program knocks with credentials in a header; a browser has such only where a proxy asked for them, and accepts pages."""
    given = request.headers.get("Authorization", "")
    return given[:7].lower() == "bearer " or (bool(given) and "text/html" not in request.headers.get("Accept", ""))


def wants_json(request: HttpRequest) -> bool:
    """Programs ask under /api/, or with a token, or say so."""
    return request.path_info.startswith("/api/") or bears_token(request) or request.headers.get("Accept", "").startswith("application/json")


def body_of(error: CrmError) -> dict[str, object]:
    """What programs read: code, sentence, the facts, the fields."""
    body: dict[str, object] = {"code": error.code, "message": error.message, "status": error.status}
    if isinstance(error, Invalid) and error.fields:
        body["fields"] = {name: [str(sentence) for sentence in sentences] for name, sentences in error.fields.items()}
    if isinstance(error, (PlanRefusal, Unpaid)):
        body.update({name: value for name, value in error.facts.items() if isinstance(value, (str, int, list, dict, type(None)))})
    return body


Drawer = Callable[[HttpRequest, CrmError], HttpResponse]
_drawers: dict[str, Drawer] = {}


def draw_under(beginning: str, drawer: Drawer) -> None:
    """Name who draws the refusals under addresses of a beginning: a door that speaks another language than ours."""
    _drawers[beginning] = drawer


def render_refusal(request: HttpRequest, error: CrmError) -> HttpResponse:
    """The answer to a refusal, in the shape the asker can use. Call it in a unit of its own."""
    response = _answer(request, error)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.facts.get("retry_after", 60))
    budgets.stamp(request, response)
    return response


def _answer(request: HttpRequest, error: CrmError) -> HttpResponse:
    for beginning, drawer in _drawers.items():
        if request.path_info.startswith(beginning):
            return drawer(request, error)
    if isinstance(error, BudgetSpent):
        return problem(error)
    if wants_json(request):
        return JsonResponse(body_of(error), status=error.status, headers={"WWW-Authenticate": "Bearer"} if error.status == NotSignedIn.status else None)
    if isinstance(error, NotSignedIn):
        return _to_log_in(request)
    context = {"error": error, "number": getattr(request, "request_id", "")}
    if request.headers.get("HX-Request"):
        return HttpResponse(render_to_string("ui/errors/_fragment.html", context, request), status=error.status)
    try:
        html = render_to_string(f"ui/errors/{error.status}.html", context, request)
    except TemplateDoesNotExist:
        html = render_to_string("ui/errors/500.html", context, request)
    return HttpResponse(html, status=error.status)


def problem(error: CrmError, *, hint: str = "") -> HttpResponse:
    """A refusal as programs of the open API know one; the media type stands alone: there are programs that compare all of it."""
    body = {"title": str(getattr(error, "heading", "") or error.code.replace("_", " ").capitalize()), "type": f"{settings.PUBLIC_URL}/errors/{error.code}", "status": error.status, "detail": error.message, **body_of(error)}
    return JsonResponse({**body, "hint": hint or error.message}, status=error.status, content_type="application/problem+json")


def _to_log_in(request: HttpRequest) -> HttpResponse:
    address = f"{reverse(settings.LOGIN_URL)}?next={quote(request.get_full_path())}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


# PostgreSQL's states: query_canceled; lock_not_available, deadlock_detected.
_STATES: dict[str, type[CrmError]] = {"57014": ReadsTooMuch, "55P03": BeingChanged, "40P01": BeingChanged}


def refusal_of_database(error: BaseException | None) -> CrmError | None:
    """What the person is told where the database ended a statement for its cost or a lock; None for all else."""
    while error is not None:
        found = _STATES.get(getattr(error, "sqlstate", None) or "")
        if found is not None:
            return found()
        error = error.__cause__
    return None


@contextmanager
def in_words() -> Iterator[None]:
    """Raise what the database ended as the refusal it is."""
    try:
        yield
    except OperationalError as error:
        refused = refusal_of_database(error)
        if refused is None:
            raise
        raise refused from error


def constant_500() -> HttpResponse:
    """The page that needs nothing: no database, no session, no template engine."""
    found = finders.find("ui/500.html")
    html = Path(found).read_text(encoding="utf-8") if isinstance(found, str) else "<!doctype html><title>500</title><h1>500</h1>"
    return HttpResponse(html, status=500)


def handler500(request: HttpRequest) -> HttpResponse:
    """A constant: Django renders it inside our aborted transaction, where nothing may be touched (foundation 6)."""
    return HttpResponse(status=500)


def handler400(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A body that is too large for a form, or that cannot be taken apart; rendered by the outermost middleware, like every refusal."""
    request.refusal = Unreadable()  # type: ignore[attr-defined]
    return HttpResponse(status=400)


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Rendered by the outermost middleware, like every refusal."""
    return HttpResponse(status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF refusal in our words; the outermost middleware renders it."""
    _log.info("csrf refused", extra={"reason": reason})
    request.refusal = NotSignedIn() if bears_token(request) else PageOutOfDate()  # type: ignore[attr-defined]
    return HttpResponse(status=request.refusal.status)  # type: ignore[attr-defined]


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an exception, or what caused it, says that a disk has no room: ours, the database's or the queue's."""
    while error is not None:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or getattr(error, "sqlstate", "") == _DISK_FULL or os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__
    return False
