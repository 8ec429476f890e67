"""Answers of views: a page, a fragment, a redirect, a toast. A view never looks at htmx's headers itself."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.encoding import iri_to_uri


def page(request: HttpRequest, template: str, *, status: int = 200, rail: str = "", **context: Any) -> HttpResponse:
    """A whole page; `rail` names the place of the rail one is in."""
    request.rail_place = rail  # type: ignore[attr-defined]
    return render(request, template, context, status=status)


def fragment(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A part of a page (a template named `_name.html`), alone, as htmx swaps it in."""
    return render(request, template, context, status=status)


def wants_fragment(request: HttpRequest) -> bool:
    """Whether the browser asks for a part that it swaps in, rather than for the page (for views that answer both)."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def in_dialog(request: HttpRequest) -> bool:
    """Whether a form of the dialog that came from the server asks: a refused one is drawn there again."""
    return wants_fragment(request) and request.headers.get("HX-Target") == "modal"


def redirect(request: HttpRequest, url: str) -> HttpResponse:
    """Go to a page of ours: 303 for a browser, HX-Redirect for htmx."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": iri_to_uri(url)})
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def toast(request: HttpRequest, response: HttpResponse, sentence: str, *, undo: str = "") -> HttpResponse:
    """Say what was done, with the way back (`undo` is a POST address): now for htmx, on the next page otherwise."""
    if request.headers.get("HX-Request") == "true" and "HX-Redirect" not in response.headers:
        triggers = json.loads(response.headers.get("HX-Trigger", "{}"))
        triggers["toast"] = {"sentence": sentence, "undo": undo}
        # Header values are Latin-1: other letters travel escaped.
        response.headers["HX-Trigger"] = json.dumps(triggers)
    else:
        messages.success(request, sentence, extra_tags=undo)
    return response


def trigger(response: HttpResponse, name: str, **detail: Any) -> HttpResponse:
    """Let parts of the page that listen for `name` renew themselves."""
    triggers = json.loads(response.headers.get("HX-Trigger", "{}"))
    triggers[name] = detail
    response.headers["HX-Trigger"] = json.dumps(triggers)
    return response


def local_path(url: str, *, default: str) -> str:
    """`url` if it leads to a page of this very host, else `default`: for "next" parameters."""
    parts = urlsplit(url)
    inside = url.startswith("/") and not url.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return url if inside else default
