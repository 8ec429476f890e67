"""Signs that no text of people holds: refused at the door, so that no view has to remember."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import CrmError

_NUL = "\0"
# What searches ask with: there a NUL only finds nothing.
_SOUGHT = frozenset({"q"})


class Unreadable(CrmError):
    """What was sent holds a NUL byte, which PostgreSQL's texts cannot."""

    code, status = "unreadable", 400
    sentence = _("What was sent holds a zero byte, which no text has. Nothing was saved; take it out and send it again.")


class SignsMiddleware:
    """Answers 400 where a value of the address or the form holds a NUL; files are not looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Before the view. Django gives what is raised here to nobody: a refusal is noted, the outermost renders it."""
        if not _has_nul(request.GET, but=_SOUGHT) and not (request.method == "POST" and _has_nul(request.POST)):
            return None
        request.refusal = Unreadable()  # type: ignore[attr-defined]
        return HttpResponse(status=Unreadable.status)


def _has_nul(given: QueryDict, *, but: frozenset[str] = frozenset()) -> bool:
    return any(_NUL in name or (name not in but and any(_NUL in value for value in values)) for name, values in given.lists())
