"""The doors of programs: asking a person in, the token endpoint, and whose account a token is of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm_platform.accounts.middleware import by_token, open_to_all
from crm_platform.accounts.models import User
from crm_platform.accounts.tokens import digest
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.http import throttle
from crm_platform.ui import responses

from . import exchanging, faults, granting, keys, naming, returning
from .exchanging import Problem
from .forms import SCOPE_LABELS
from .models import Grant

MOST_BYTES = 64 * 1024
# So many refused tries a minute from one address.
MOST_TRIES = 60
_DETAIL = {400: "The request lacks something, or something in it is not valid", 401: "The token or the credentials are not valid", 403: "This is not allowed at present"}


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """A program asks the person who is logged in to let it in. `mode=popup`: it did so in a window of its own."""
    given = request.GET
    integration = granting.asking(given.get("client_id", ""), redirect_uri=given.get("redirect_uri", ""))
    popup = given.get("mode") == "popup"
    if request.method == "GET":
        request.forms_lead_to = [returning.origin(integration.redirect_uri)]  # type: ignore[attr-defined]
        scopes = [SCOPE_LABELS[scope] for scope in integration.scopes]
        context: dict[str, Any] = {"integration": integration, "scopes": scopes, "everything": request.actor.everything, "leads_to": returning.origin(integration.redirect_uri)}  # type: ignore[attr-defined]
        return shared_window(responses.page(request, "integrations/ask.html", **context))
    state = given.get("state", "")
    if request.POST.get("answer") == "yes":
        code = granting.give(request.actor, integration)  # type: ignore[attr-defined]
        address = returning.with_answer(integration.redirect_uri, code=code, referer=request.get_host(), state=state, platform=keys.PLATFORM)
    else:
        granting.refuse(request.actor, integration)  # type: ignore[attr-defined]
        address = returning.with_answer(integration.redirect_uri, error="access_denied", state=state)
    if popup:
        return shared_window(responses.page(request, "integrations/back.html", address=address, integration=integration))
    return HttpResponseRedirect(address)


def shared_window(response: HttpResponse) -> HttpResponse:
    """The window that opened this one may be led on, so they stay acquainted; the code in the address is nobody else's to read."""
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    response.headers["Cache-Control"] = "no-store"
    return response


@csrf_exempt
@open_to_all
@require_POST
def access_token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth2/access_token` on the workspace's host."""
    return answer(request, parsed(request), host=request.get_host())


def answer(request: HttpRequest, given: Mapping[str, str], *, host: str) -> HttpResponse:
    """What the token endpoint answers, within the workspace. A refusal is kept with the integration, where it is known."""
    try:
        body = exchanging.exchange(given, host=host)
    except Problem as refused:
        return _refused(request, refused)
    return JsonResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _refused(request: HttpRequest, refused: Problem) -> HttpResponse:
    if refused.integration is not None:
        faults.note(refused.integration, path=faults.path_of(request), status=refused.status, code="oauth", sentence=refused.hint)
    return problem(request, refused)


@csrf_exempt
@open_to_all
@require_POST
def exchange_api_key(request: HttpRequest) -> HttpResponse:
    """`POST /oauth2/exchange_api_key` on the workspace's host."""
    return answer_key(request, parsed(request))


def answer_key(request: HttpRequest, given: Mapping[str, str]) -> HttpResponse:
    """What that answers, within the workspace: 202 without a body; the code goes to the address of the integration."""
    try:
        keys.exchange(given)
    except Problem as refused:
        return _refused(request, refused)
    return HttpResponse(status=202, headers={"Cache-Control": "no-store"})


def parsed(request: HttpRequest) -> dict[str, str]:
    """The parameters, from JSON or a form; what is neither is empty."""
    if not (request.content_type or "").endswith("json"):
        return {name: value for name, value in request.POST.items() if isinstance(value, str) and len(value) <= MOST_BYTES}
    if len(request.body) > MOST_BYTES:
        return {}
    try:
        found = json.loads(request.body)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items() if isinstance(value, (str, int))} if isinstance(found, dict) else {}


def problem(request: HttpRequest, refused: Problem) -> HttpResponse:
    """A refusal as clients of amoCRM read it: `hint` is always there. Raises TooMany for whoever goes on trying."""
    throttle.limit("oauth-refused", throttle.client_address(request), most=MOST_TRIES, seconds=60)
    title = "Authorization error" if refused.status == 401 else "Bad request"
    body = {"hint": refused.hint, "title": title, "type": f"{settings.PUBLIC_URL}/errors/OAuthProblemJson", "status": refused.status, "detail": _DETAIL.get(refused.status, title)}
    return JsonResponse(body, status=refused.status, content_type="application/problem+json", headers={"Cache-Control": "no-store"})


@open_to_all
@require_safe
def current_subdomain(request: HttpRequest) -> HttpResponse:
    """`GET /oauth2/account/current/subdomain`: the address of the account whose refresh token stands in X-Refresh-Token."""
    return lookup(request, host=request.get_host())


def lookup(request: HttpRequest, *, host: str) -> HttpResponse:
    """The same, within the workspace; `host` is where the program calls it."""
    _place, uid = naming.read_credential(given := request.headers.get("X-Refresh-Token", ""))
    rows = Grant.objects.filter(uid=uid, revoked_at=None, integration__revoked_at=None, refresh_until__gt=clock.real_now())
    grant = rows.first() if uid else None
    if grant is None or digest(given) not in (grant.refresh_digest, grant.previous_digest):
        return problem(request, Problem("Cannot decrypt the refresh token", status=401))
    return account(host)


@by_token
@require_safe
def subdomain(request: HttpRequest) -> HttpResponse:
    """`GET /oauth2/account/subdomain`: the address of the account that the token is of."""
    return account(request.get_host())


def account(host: str) -> HttpResponse:
    """The account in four words."""
    place, base = workspace.here(), settings.PUBLIC_URL.partition("://")[2]
    facts = {"id": place.number, "subdomain": place.slug, "domain": host, "top_level_domain": base.partition(":")[0].rpartition(".")[2]}
    return JsonResponse(facts, headers={"Cache-Control": "no-store"})


@by_token
@require_safe
def owner(request: HttpRequest) -> HttpResponse:
    """`GET /v3/user`: whose token it is."""
    person = cast("User", request.user)
    return JsonResponse({"id": person.pk, "name": person.name, "email": person.email}, headers={"Cache-Control": "no-store"})
