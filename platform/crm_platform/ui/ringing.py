"""How often an open page asks whether its reader's telephone rings: often in a firm whose telephone system tells of calls, seldom in any other (decision 0034)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from crm_platform.kernel import versions, workspace

MARK = "ringing"
# Where pages ask, and the header that says when to ask again.
ADDRESS, AGAIN = "/ringing", "X-Ask-Every"
# Seconds for which a firm counts as one after its last call: a fortnight's holiday passes without a change.
LATELY = 14 * 86400.0
# Seconds from one question of a page that is looked at to the next. Seldom: a first call is seen while it rings or just after it was taken.
OFTEN, SELDOM = 5, 20


def asks_every(request: HttpRequest) -> int:
    """After how many seconds the page of this request asks again; 0 where no call can come up. Costs no statement and no round trip: the mark stands among the versions."""
    if getattr(request, "actor", None) is None or workspace.current() is None:
        return 0
    return OFTEN if versions.marked(MARK, within=LATELY) else SELDOM


def asks(request: HttpRequest) -> bool:
    """Whether an open page asks by itself, and shows no call: nobody waits for the answer, and no sleeping workspace is woken for it."""
    return request.path_info == ADDRESS and request.method == "GET" and not request.GET.get("shown")


def nothing() -> HttpResponse:
    """Nothing rings; ask again, but not soon."""
    return HttpResponse(status=204, headers={AGAIN: str(SELDOM)})


class QuietMiddleware:
    """Answers the question of a page in a firm without a telephone system before anybody is looked for: no session, no person, no statement beyond the unit's own.

    Such are most firms, and each of their pages that is looked at asks. It says no more than that nothing rings there, to whoever asks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if asks(request) and workspace.current() is not None and not versions.marked(MARK, within=LATELY):
            return nothing()
        return self.get_response(request)
