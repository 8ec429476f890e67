"""Codes that are sent, not carried by a browser: one GET to an integration's redirect address, under the bounds of every other call to a stranger.

It is tried once, as there: a program that did not get it asks again.
"""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.integrations import keys
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Again, Lease

from . import transport
from .transport import Answer, Call, Problem


@jobs.register(keys.JOB, kind=jobs.Kind.PROMPT)
def send(pk: int, *, lease: Lease) -> Again | None:
    """Send the code of a grant, outside any unit; what went wrong stands on the integration's page."""
    with sides.unit(workspace.here()):
        lease.beat()
        url = keys.address_of(pk, host=workspace.host())
    if not url:
        return None
    (answer,) = transport.send([Call(url, b"", {"User-Agent": "Kartoteka-OAuth/1"}, method="GET")])
    if answer is None or not _taken(answer):
        problem = answer.problem if answer is not None else Problem.UNREACHABLE
        with sides.unit(workspace.here()):
            keys.note_not_taken(pk, status=answer.status if answer is not None else 0, sentence=keys.NOT_SENT if problem is Problem.PRIVATE else keys.NOT_TAKEN)
    return None


def _taken(answer: Answer) -> bool:
    """Whether the program has read it: what it says, or leads a browser on to (which is not followed), is its own affair."""
    return answer.good or answer.problem is Problem.REDIRECT
