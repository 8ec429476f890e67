"""A form sent twice is done once: each drawn form carries a number of its own, and its second arrival is led to where the first one went."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from . import responses

FIELD = "once"
# Seconds: how long a finished form is remembered, how long one at work (a commit that fails forgets nothing), and how long its second arrival waits for it.
REMEMBERED, AT_WORK, WAITS, LOOKS_EVERY = 600, 60, 3.0, 0.05
_WORKING = 1
_ELSEWHERE = ("https://", "http://")


class OnceMiddleware:
    """Remembers a form's number for ten minutes, with the address its answer led to; a refused or failed one may be sent again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        key = getattr(request, "once_key", "")
        if key and response.status_code < 400:
            where = response.headers.get("Location") or response.headers.get("HX-Redirect") or ""
            led_to = where if where.startswith(_ELSEWHERE) else responses.local_path(where, default="")  # our own view's answer: a payment's page may stand elsewhere
            transaction.on_commit(lambda: cache.set(key, led_to, REMEMBERED))
        return response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Before the view: has this very form been here?"""
        number = request.POST.get(FIELD, "")[:40] if request.method == "POST" else ""
        if not number:
            return None
        key = f"once.{getattr(getattr(request, 'actor', None), 'user_id', None) or 0}.{number}"
        if key == getattr(request, "once_key", ""):
            return None  # the same request, served anew
        led_to = _take(key)
        if led_to is None:
            request.once_key = key  # type: ignore[attr-defined]
            return None
        if led_to.startswith(_ELSEWHERE):
            return responses.redirect(request, led_to)
        back = led_to or urlsplit(request.headers.get("Referer", ""))._replace(scheme="", netloc="").geturl() or "/"
        response = responses.redirect(request, responses.local_path(back, default="/"))
        return responses.toast(request, response, _("This had been sent already; it was done once."))


def _take(key: str) -> str | None:
    """None: the form is ours to do. Else the address its first arrival led to, waited for a little; "" where there is none, or not yet."""
    until = time.monotonic() + WAITS
    while not cache.add(key, _WORKING, AT_WORK):
        found = cache.get(key)
        if isinstance(found, str):
            return found
        if time.monotonic() > until:
            return ""
        time.sleep(LOOKS_EVERY)
    return None


def release(request: HttpRequest) -> None:
    """Nothing was done: the form may come again."""
    key = getattr(request, "once_key", "")
    if key:
        cache.delete(key)
