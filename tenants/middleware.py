"""One transaction per request, around session, user, view and rendering (design section 4).

WorkspaceMiddleware stands outside the session: it finds the side by the host, seats it, opens the unit of work, rolls it
back on a refusal, an exception or a status from 500, and renders the error in a unit of its own. RefusalMiddleware stands
innermost and turns what views raise into that refusal.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.conf import settings
from django.core.signals import got_request_exception
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, set_urlconf
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from crm_platform.accounts.middleware import use_language
from crm_platform.db import sides
from crm_platform.integrations import faults
from crm_platform.kernel import access, context, effort, neighbours, workspace
from crm_platform.kernel.access import Level
from crm_platform.kernel.errors import BehindRelease, CrmError, NotFound, Unavailable
from crm_platform.kernel.files import Away
from crm_platform.kernel.http.errors import (
    NoRoom,
    Tripped,
    constant_500,
    is_disk_full,
    refusal_of_database,
    render_refusal,
    wants_json,
)
from crm_platform.kernel.workspace import Place
from crm_platform.ui import once, ringing

from . import following, routing
from .errands import Errand
from .following import Elsewhere
from .lifecycle import moved
from .lifecycle.access import Suspended
from .models import State
from .sleeping import asking, waking

_log = logging.getLogger("kartoteka.http")
# Doors for programs and forms of strangers: the same at every host, with units of their own.
DOORS = ("/api/leads/in/",)
View = Callable[[HttpRequest], HttpResponse]


class UnknownWorkspace(NotFound):
    """No workspace has this address."""

    code = "unknown_workspace"
    sentence = _("No workspace lives at this address. Check the spelling, or find your workspaces by e-mail.")


class _RollBack(Exception):
    pass


class WorkspaceMiddleware:
    """Outermost around everything that touches the database."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.refusal = None  # type: ignore[attr-defined]
        request.place = None  # type: ignore[attr-defined]
        try:
            return self._serve(request)
        finally:
            set_urlconf(None)

    def _serve(self, request: HttpRequest) -> HttpResponse:
        side, key = routing.address_of(request.get_host())
        if request.path_info.startswith(DOORS):
            return self._serve_door(request)
        if side != "workspace":
            with effort.use(effort.Effort.REQUEST):  # some of it enters workspaces: sign-up, tokens of programs, operators
                return self._serve_control(request, side=side)
        try:
            found = _found(key)
        except (OperationalError, InterfaceError):
            return _gone()
        return self._serve_found(request, found, key=key)

    def _serve_found(self, request: HttpRequest, found: routing.Found | None, *, key: str, tries: int = 3) -> HttpResponse:
        if found is None:
            return self._refuse_outside(request, UnknownWorkspace(find=workspace.url("/find")))
        if found.state == State.ASLEEP:
            return ringing.nothing() if ringing.asks(request) else self._wake(request, found, key=key)
        if found.behind:
            return self._hold(request, found.place)
        request.of_workspace = found.place.public_id  # type: ignore[attr-defined]
        leads_on = moved.leads_on(request, found)
        if leads_on and not moved.is_known(request):
            return moved.to_present(request, found)
        request.place = found.place  # type: ignore[attr-defined]
        self._use(request, moved.URLCONF if leads_on else settings.WORKSPACE_URLCONF)
        try:
            neighbours.arrive(found.place.public_id)
        except neighbours.Crowded as error:
            return self._refuse_crowd(request, error)
        try:
            answered = self._serve_place(request, found.place, key=key, tries=tries)
        finally:
            neighbours.depart(found.place.public_id)
        return self._serve_found(request, answered, key=key, tries=tries - 1) if isinstance(answered, routing.Found) else answered

    def _serve_place(self, request: HttpRequest, place: Place, *, key: str, tries: int) -> HttpResponse | routing.Found:
        """The answer; or where the workspace lives now, if it went elsewhere while we were on the way.

        Nothing of that request was kept, so it is served once more there.
        """
        with context.bind(workspace=place.public_id), effort.use(effort.of_path(request.path_info, urlconf=str(request.urlconf))):
            try:
                return _note_fault(request, self._with_errands(request, lambda: sides.unit(place)), place)
            except Elsewhere as turned_away:
                error = turned_away.__cause__
            now = following.found_anew(key, place)
            stayed = now is not None and now.state != State.ASLEEP and following.same_place(now.place, place)
            if now is None or tries == 1 or (stayed and tries < 3):  # no fence (any more): the error is our own
                return self._render(request, _refusal_of(error, request, moved=False), lambda: sides.unit(place))
        return now if following.begin_anew(request) else _gone()

    def _wake(self, request: HttpRequest, found: routing.Found, *, key: str) -> HttpResponse:
        """People see a page that comes back by itself; programs and forms wait, for they do not come back."""
        page = request.method in ("GET", "HEAD") and not wants_json(request) and not request.headers.get("HX-Request")
        try:
            asking.awaited(found.place.public_id, patience=0.0 if page else asking.PATIENCE)
        except asking.CannotWake as lost:
            response = self._refuse_outside(request, lost)
            response.headers["Retry-After"] = str(round(waking.AGAIN))
            return response
        except asking.Asleep as asleep:
            response = self._refuse_outside(request, asleep)
            response.headers["Retry-After"] = str(asking.PAGE_RETURNS)
            if page:
                response.headers["Refresh"] = str(asking.PAGE_RETURNS)
            return response
        routing.forget(key)
        return self._serve_found(request, routing.find_by_address(key), key=key)

    def _serve_control(self, request: HttpRequest, *, side: str) -> HttpResponse:
        urlconf = {"operator": settings.OPERATOR_URLCONF, "mail": settings.MAILBOX_URLCONF}.get(side, settings.ROOT_URLCONF)
        if side == "mail" and not settings.CRM_MAILBOX:
            return self._refuse_outside(request, UnknownWorkspace())
        self._use(request, urlconf)
        return self._in_unit(request, _only_seated if side == "mail" or _own_units(request, urlconf) else sides.control_unit)

    def _serve_door(self, request: HttpRequest) -> HttpResponse:
        """What a door takes names its workspace itself: no session, no person, nothing of the share of the workspace's people; hundreds a second."""
        self._use(request, settings.ROOT_URLCONF)
        try:
            match = resolve(request.path_info, settings.ROOT_URLCONF)
            with sides.outside():
                answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
                return answer
        except Resolver404:
            return self._refuse_outside(request, NotFound())
        except Exception as error:  # broad: the last line before whoever knocks
            return self._refuse_outside(request, _refusal_of(error, request))

    def _use(self, request: HttpRequest, urlconf: str) -> None:
        request.urlconf = urlconf
        set_urlconf(urlconf)

    def _refuse_outside(self, request: HttpRequest, error: CrmError) -> HttpResponse:
        self._use(request, settings.ROOT_URLCONF)
        _speak(request)
        return self._render(request, error, _only_seated)

    def _hold(self, request: HttpRequest, place: Place) -> HttpResponse:
        """The page of a workspace that a rollout has not reached: it comes next, and the page asks again by itself."""
        routing.bring_soon(place)
        response = self._refuse_outside(request, BehindRelease())
        response.headers["Retry-After"] = "3"
        if request.method == "GET":
            response.headers["Refresh"] = "3"
        return response

    def _refuse_crowd(self, request: HttpRequest, error: CrmError) -> HttpResponse:
        """Without a unit: who asks too much gets an answer that costs nothing of what the others need."""
        _speak(request)
        response = self._render(request, error, _only_seated)
        if request.headers.get("HX-Request"):  # what stands on the page is right: said in a toast, nothing is swapped
            response.headers["HX-Reswap"] = "none"
            response.headers["HX-Trigger"] = json.dumps({"toast": {"sentence": error.message}})
        return response

    def _with_errands(self, request: HttpRequest, unit: Callable[[], AbstractContextManager[Any]]) -> HttpResponse:
        """A view that left for an errand is served anew with what it came to."""
        while True:
            try:
                return self._in_unit(request, unit)
            except Errand as left:
                left.run(request)

    def _in_unit(self, request: HttpRequest, unit: Callable[[], AbstractContextManager[Any]]) -> HttpResponse:
        try:
            return self._work_once_more(request, unit)
        except (Elsewhere, Errand):
            raise
        except _RollBack:
            if isinstance(request.refusal, Elsewhere):  # type: ignore[attr-defined]
                raise request.refusal from request.refusal.__cause__  # type: ignore[attr-defined]
            refusal = request.refusal or Tripped(number=getattr(request, "request_id", ""))  # type: ignore[attr-defined]
            return self._render(request, refusal, unit)
        except Suspended as error:
            request.place = None  # type: ignore[attr-defined]
            return self._refuse_outside(request, error)
        except CrmError as error:  # settling the limits refused, or a port did
            return self._render(request, error, unit)
        except Exception as error:  # broad: the last line before the person
            refusal = _refusal_of(error, request)
            if isinstance(refusal, Elsewhere):
                raise refusal from error
            return self._render(request, refusal, unit)

    def _work_once_more(self, request: HttpRequest, unit: Callable[[], AbstractContextManager[Any]]) -> HttpResponse:
        """A connection that died while idle shows itself in the packet that enters: nothing has happened yet, so try again."""
        try:
            return self._work(request, unit)
        except (OperationalError, InterfaceError):
            if getattr(request, "entered", False):
                raise
            _drop_connections()
            return self._work(request, unit)

    def _work(self, request: HttpRequest, unit: Callable[[], AbstractContextManager[Any]]) -> HttpResponse:
        with unit():
            request.entered = True  # type: ignore[attr-defined]
            if access.here().level is Level.CLOSED:
                raise Suspended(find=workspace.url("/find"))
            response = self.get_response(request)
            if getattr(request, "errand", None):
                raise request.errand  # type: ignore[attr-defined]
            _bare_404(request, response)
            if response.status_code >= 400:
                once.release(request)
            if request.refusal or response.status_code >= 500:  # type: ignore[attr-defined]
                raise _RollBack
        return response

    def _render(self, request: HttpRequest, error: CrmError, unit: Callable[[], AbstractContextManager[Any]]) -> HttpResponse:
        _forget_lazy(request)
        if isinstance(error, Unavailable) and error.code == "unavailable":
            return _gone()
        try:
            with unit():
                if not isinstance(error, Tripped):
                    once.release(request)  # a refusal at the commit came after the view had gone well
                return render_refusal(request, error)
        except (CrmError, DatabaseError, RuntimeError, OSError, LookupError, ValueError, TypeError, AttributeError) as failed:
            if following.turned_away(failed) and not following.turned_away(error.__cause__):
                raise Elsewhere from failed
            _log.exception("the error page itself failed")
            return constant_500()


def _note_fault(request: HttpRequest, response: HttpResponse, place: Place) -> HttpResponse:
    """An integration's page tells what it was refused: kept in a unit of its own, for the request's was taken back. The answer goes out in any case."""
    if faults.is_fault(request, response):
        try:
            with sides.unit(place):
                faults.note_answer(request, response)
        except (CrmError, DatabaseError):
            _log.warning("a fault of an integration was not kept", exc_info=True)
    return response


def _speak(request: HttpRequest) -> None:
    """Outside of a unit nobody is known: the language is the browser's."""
    use_language(request, request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "") or get_language_from_request(request))


def _found(key: str) -> routing.Found | None:
    """Whose address it is; a connection that died while idle is replaced once."""
    try:
        return routing.find_by_address(key)
    except (OperationalError, InterfaceError):
        _drop_connections()
        return routing.find_by_address(key)


class RefusalMiddleware:
    """Innermost: turns what a view raises into `request.refusal`."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Refusals and missing things are answers; database outages a sentence; the rest is ours, logged with its trace."""
        if isinstance(exception, (ImmediateHttpResponse, ReauthenticationRequired)):
            return None  # allauth's way of sending the person elsewhere: its own middleware, further out, answers
        if isinstance(exception, Errand):
            request.errand = exception  # type: ignore[attr-defined]
            return HttpResponse(status=204)
        request.refusal = _refusal_of(exception, request)  # type: ignore[attr-defined]
        return HttpResponse(status=request.refusal.status)  # type: ignore[attr-defined]


def _refusal_of(error: BaseException | None, request: HttpRequest, *, moved: bool = True) -> CrmError:
    """What the person is told of an exception; one that is no refusal is logged. `moved` False: the workspace is where it was believed to be."""
    if isinstance(error, CrmError):
        return error
    if moved and getattr(request, "place", None) and following.turned_away(error):
        elsewhere = Elsewhere()
        elsewhere.__cause__ = error
        return elsewhere
    if isinstance(error, Http404):
        return NotFound()
    number = getattr(request, "request_id", "")
    if is_disk_full(error):
        _log.error("the disk is full", exc_info=error)
        return NoRoom()
    refused = refusal_of_database(error)
    if refused is not None:
        _log.warning("the database was asked too much", extra={"code": refused.code})
        return refused
    if isinstance(error, (OperationalError, InterfaceError)):
        _log.error("the database does not answer", exc_info=error)
        _drop_connections()
        return Unavailable()
    if isinstance(error, (RedisError, Away)):
        _log.error("the cache or the bucket does not answer", exc_info=error)
        return Unavailable()
    _log.error("tripped", exc_info=error)
    return Tripped(number=number)


def _note_refusal(request: HttpRequest | None = None, **_given: Any) -> None:
    """A middleware within ours tripped (writing the session, taking in a body): Django makes a bare 500 of it, and says so here."""
    if request is not None and getattr(request, "refusal", request) is None:
        request.refusal = _refusal_of(sys.exc_info()[1], request)  # type: ignore[attr-defined]


got_request_exception.connect(_note_refusal, dispatch_uid="tenants.middleware")


@contextmanager
def _only_seated() -> Iterator[None]:
    """The control side with no transaction: for pages that need none, and for doors with units of their own."""
    with sides.outside():
        yield


def _own_units(request: HttpRequest, urlconf: str) -> bool:
    try:
        match = resolve(request.path_info, urlconf)
    except Resolver404:
        return False
    return bool(getattr(match.func, "own_units", False))


def own_units(view: Any) -> Any:
    """Mark a view of the control side that opens durable units itself: it crosses the gap between the sides."""
    view.own_units = True
    return view


def _bare_404(request: HttpRequest, response: HttpResponse) -> None:
    """An empty 404 came from the resolver (handler404): let it be rendered like every refusal."""
    if response.status_code == 404 and not response.content and request.refusal is None:  # type: ignore[attr-defined]
        request.refusal = NotFound()  # type: ignore[attr-defined]


def _forget_lazy(request: HttpRequest) -> None:
    """The page is rendered in a new unit: what was loaded in the rolled-back one is asked again."""
    for name in ("_cached_user", "_cached_actor"):
        if hasattr(request, name):
            delattr(request, name)


def _drop_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _gone() -> HttpResponse:
    response = constant_500()
    response.status_code = 503
    response.headers["Retry-After"] = "10"
    return response
