"""How often an open page asks whether its reader's telephone rings: often in a firm whose telephone system tells of calls, seldom in any other (decision 0034)."""

from __future__ import annotations

from django.http import HttpRequest

from crm_platform.kernel import versions, workspace

MARK = "ringing"
# Seconds for which a firm counts as one after its last call: a fortnight's holiday passes without a change.
LATELY = 14 * 86400.0
# Seconds from one question of a page that is looked at to the next. Seldom: a first call is seen while it rings or just after it was taken.
OFTEN, SELDOM = 5, 20


def asks_every(request: HttpRequest) -> int:
    """After how many seconds the page of this request asks again; 0 where no call can come up. Costs no statement and no round trip: the mark stands among the versions."""
    if getattr(request, "actor", None) is None or workspace.current() is None:
        return 0
    return OFTEN if versions.marked(MARK, within=LATELY) else SELDOM
