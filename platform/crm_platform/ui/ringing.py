"""Whether a page asks if its reader's telephone rings: only in a firm whose telephone system tells of calls (decision 0034)."""

from __future__ import annotations

from django.http import HttpRequest

from crm_platform.kernel import versions, workspace

MARK = "ringing"
# Seconds for which a firm counts as one after its last call: a fortnight's holiday passes without a change.
LATELY = 14 * 86400.0


def may_ring(request: HttpRequest) -> bool:
    """Whether a call may come up on the page of this request. Costs no statement and no round trip: the mark stands among the versions."""
    return getattr(request, "actor", None) is not None and workspace.current() is not None and versions.marked(MARK, within=LATELY)
