"""What programs ask at the public host: the workspace is found by what they bring, and answers as at its own.

Each credential begins with the workspace's public id, and a client id holds it (`integrations.naming`); whether it is good is
decided inside.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm_platform.accounts import jwts
from crm_platform.accounts.tokens import TokenRefused, read_api_token
from crm_platform.db import sides
from crm_platform.integrations import doors, naming
from crm_platform.integrations.exchanging import Problem
from crm_platform.kernel import access, workspace
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.workspace import Place
from crm_platform.ui import responses
from tenants import routing
from tenants.middleware import own_units

from .forms import WorkspaceForm

REMEMBERED = f"{'__Host-' if settings.SECURE else ''}workspace"
REMEMBERED_FOR = 365 * 86400


@own_units
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Lead the person on to the workspace that is asked for: known by the client id, else by the person's word, which is remembered."""
    place = _place(naming.workspace_of_client(request.GET.get("client_id", "")))
    if place is not None:
        return _led_on(request, place)
    form = WorkspaceForm(request.POST or None, initial={"address": request.COOKIES.get(REMEMBERED, "")})
    if request.method == "POST" and form.is_valid():
        found = routing.find_by_address(form.cleaned_data["address"])
        if found is not None:
            response = _led_on(request, found.place)
            response.set_cookie(REMEMBERED, found.place.slug, max_age=REMEMBERED_FOR, httponly=True, secure=settings.SECURE, samesite="Lax")
            return response
        form.add_error("address", _("No workspace lives at this address. Check the spelling, or find your workspaces by e-mail."))
    return responses.page(request, "signup/which.html", status=422 if request.method == "POST" else 200, form=form, base=settings.PUBLIC_HOST)


def _led_on(request: HttpRequest, place: Place) -> HttpResponse:
    return doors.shared_window(responses.redirect(request, f"{workspace.url('/oauth', place=place)}?{request.GET.urlencode()}"))


def _place(public_id: str) -> Place | None:
    """The workspace, or None; raises what a sleeping or late one answers."""
    try:
        return routing.find_by_public_id(public_id) if public_id else None
    except NotFound:
        return None


def _inside(request: HttpRequest, public_id: str, answer: Callable[[Place], HttpResponse], *, hint: str) -> HttpResponse:
    """The answer of a workspace, in a unit of it; of one that nobody may enter, as of one that is none."""
    place = _place(public_id)
    if place is None:
        return doors.problem(request, Problem(hint, status=401))
    with sides.unit(place):
        if access.here().level is access.Level.CLOSED:
            return doors.problem(request, Problem("The account is closed", status=403))
        return answer(place)


@csrf_exempt
@own_units
@require_POST
def access_token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth2/access_token`."""
    given = doors.parsed(request)
    named = (naming.read_credential(given.get(name, ""))[0] for name in ("code", "refresh_token"))
    public_id = next((found for found in named if found), "") or naming.workspace_of_client(given.get("client_id", ""))
    return _inside(request, public_id, lambda place: doors.answer(request, given, host=workspace.host()), hint="Client authentication failed")


@csrf_exempt
@own_units
@require_POST
def exchange_api_key(request: HttpRequest) -> HttpResponse:
    """`POST /oauth2/exchange_api_key`: the client id leads to the workspace."""
    given = doors.parsed(request)
    return _inside(request, naming.workspace_of_client(given.get("client_uuid", "")), lambda place: doors.answer_key(request, given), hint="Client authentication failed")


@own_units
@require_safe
def current_subdomain(request: HttpRequest) -> HttpResponse:
    """`GET /oauth2/account/current/subdomain`."""
    public_id, _uid = naming.read_credential(request.headers.get("X-Refresh-Token", ""))
    return _inside(request, public_id, lambda place: doors.lookup(request, host=workspace.host()), hint="Cannot decrypt the refresh token")


@own_units
@require_safe
def subdomain(request: HttpRequest) -> HttpResponse:
    """`GET /oauth2/account/subdomain`."""
    given = request.headers.get("Authorization", "")

    def of_token(place: Place) -> HttpResponse:
        try:
            read_api_token(given)
        except TokenRefused:
            return doors.problem(request, Problem("Token has been revoked", status=401))
        return doors.account(workspace.host())

    return _inside(request, jwts.workspace_of(given.partition(" ")[2].strip()), of_token, hint="Token has been revoked")
