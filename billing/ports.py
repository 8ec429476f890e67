"""Where the parts of billing meet without importing each other: each port is answered by its owner, at start-up.

`documents(account, invoice_seen)` keeps an invoice's mirror, in the caller's control unit. `synced(account, before, after)` hears of a
changed subscription in the same unit. `told(workspace)` brings the news into the workspace; it opens units of its own.

`refunds(account, seen)` follows what became of money given back, in the same unit, before the invoices are kept; `notes(account, seen)`
keeps what corrects them, afterwards.

`buying(account)` is told before a purchase is written, in its unit: what was begun and never paid for is let go. `never_paid(account,
external_id)` answers for a subscription that ended: None where it was paid for, else the trial that was given up for it ({} for none).

The reconciliation asks: `mirrored(account)` answers with {invoice's external id: (status, total, paid, refunded)} of what
is kept; `untold(workspace)` with what the workspace knows otherwise than it should ({} for nothing); `retold(workspace)` brings
it in anew, whatever was told before. The last two open units of their own. `introduce(account)`, in a control unit, leaves it to a
worker to tell the provider who pays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Port:
    """A question that nobody needs to answer: then nothing happens."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._answerer: Callable[..., Any] | None = None

    def answer(self, answerer: Callable[..., Any]) -> Callable[..., Any]:
        """Name who answers; may decorate."""
        self._answerer = answerer
        return answerer

    def __call__(self, *given: Any) -> Any:
        """Ask; None where nobody answers."""
        return None if self._answerer is None else self._answerer(*given)


documents = Port("documents")
refunds = Port("refunds")
notes = Port("notes")
synced = Port("synced")
told = Port("told")
buying = Port("buying")
never_paid = Port("never_paid")
mirrored = Port("mirrored")
untold = Port("untold")
retold = Port("retold")
introduce = Port("introduce")
