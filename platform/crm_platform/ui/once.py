"""A form sent twice is done once: each drawn form carries a number of its own, and the second arrival of it is answered without work."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from . import responses

FIELD = "once"
REMEMBERED = 600


class OnceMiddleware:
    """Remembers a form's number for ten minutes; a refused or failed one may be sent again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Before the view: has this very form been here?"""
        number = request.POST.get(FIELD, "")[:40] if request.method == "POST" else ""
        if not number:
            return None
        key = f"once.{number}"
        if cache.add(key, 1, REMEMBERED):
            request.once_key = key  # type: ignore[attr-defined]
            return None
        back = urlsplit(request.headers.get("Referer", "")).path or "/"
        response = responses.redirect(request, responses.local_path(back, default="/"))
        return responses.toast(request, response, _("This had been sent already; it was done once."))


def release(request: HttpRequest) -> None:
    """Nothing was done: the form may come again."""
    key = getattr(request, "once_key", "")
    if key:
        cache.delete(key)
