"""An old address leads to the present one. Sessions belong to a host, so whoever has one goes over with a link that works once."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from crm_platform.accounts import tokens
from crm_platform.accounts.middleware import open_to_all
from crm_platform.kernel import workspace
from crm_platform.kernel.http.errors import bears_token
from tenants.routing import Found

URLCONF = "tenants.lifecycle.moved_urls"


def leads_on(request: HttpRequest, found: Found) -> bool:
    """Whether the request is led to the present address. Forms sent from a page of the old one and programs are served where they knock: they would lose what they carry."""
    program = request.path_info.startswith("/api/") or bears_token(request)
    return bool(found.moved_to) and request.method in ("GET", "HEAD") and not program


def is_known(request: HttpRequest) -> bool:
    """Whether the browser brings a session of the old address."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def to_present(request: HttpRequest, found: Found) -> HttpResponse:
    """To the same page at the present address; a part that htmx asked for becomes the whole page it stood on."""
    if request.headers.get("HX-Request") == "true":
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))._replace(scheme="", netloc="").geturl()
        return HttpResponse(status=204, headers={"HX-Redirect": workspace.url(shown if shown.startswith("/") else "/", place=found.place)})
    return HttpResponseRedirect(workspace.url(request.get_full_path(), place=found.place))


@open_to_all
def go_over(request: HttpRequest) -> HttpResponse:
    """With a session: a link that lets the same person in there, once. Our own pages ask for no part of themselves here."""
    place = workspace.here()
    path = request.get_full_path()
    if request.headers.get("HX-Request") == "true" or not request.user.is_authenticated or path.startswith("/enter/"):
        return to_present(request, Found(place, "active", place.slug))
    return HttpResponseRedirect(tokens.entry_link(request.user, path=path))
