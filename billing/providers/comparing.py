"""One account against its provider, class by class (billing.md 2.13). Nothing is written here, and nothing is charged, cancelled or given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing import ports
from billing.models import BillingAccount, SeatEntry
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.models import State

from . import applying, choosing
from .models import DriftKind
from .protocol import AccountSeen, InvoiceSeen

# What the subject of a difference about who pays ends with.
PAYER = ":payer"


@dataclass(frozen=True, slots=True)
class Difference:
    """One: its class, whose it is, and what is at risk."""

    kind: str
    subject: str
    account: BillingAccount | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    money: int = 0
    currency: str = ""


def account_differs(account: BillingAccount, seen: AccountSeen) -> list[Difference]:
    """All differences of an account. Opens a control unit."""
    if seen.deleted:
        return [Difference(DriftKind.CUSTOMER_GONE, account.public_id, account, {"customer": account.external_id})]
    with sides.control_unit():
        if account.workspace is not None and account.workspace.state == State.ERASED:
            return [*_outlived(account, seen), *_invoices(account, seen)]
        pair = applying.would_change(account, seen)
        return [*_subscription(account, seen, pair), *_two_live(account, seen), *_unbilled(account, seen), *_seats(account, seen), *_invoices(account, seen), *_payer(account, seen)]


def _at_risk(seen: AccountSeen) -> tuple[int, str]:
    """The last whole bill: what a period is worth."""
    bills = [one for one in seen.invoices if one.status in ("paid", "open") and one.quote.total > 0]
    return (bills[0].quote.total, bills[0].quote.currency) if bills else (0, "")


def _outlived(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    """Its workspace is erased, and it is charged all the same."""
    alive = choosing.live(seen.subscriptions)
    if alive:
        money, currency = _at_risk(seen)
        yield Difference(DriftKind.ORPHAN, account.public_id, account, {"erased": True, "subscriptions": [one.external_id for one in alive]}, money, currency)


def _subscription(account: BillingAccount, seen: AccountSeen, pair: tuple[dict[str, Any], dict[str, Any]] | None) -> Iterator[Difference]:
    money, currency = _at_risk(seen)
    strange = [one.status for one in seen.subscriptions if not choosing.is_known(one.status)]
    if strange:
        yield Difference(DriftKind.DIFFERS, account.public_id, account, {"status": strange}, money, currency)
        return
    if pair is None:
        if choosing.live(seen.subscriptions):
            yield Difference(DriftKind.ORPHAN, account.public_id, account, {"customer": account.external_id}, money, currency)
        return
    ours, theirs = pair
    changed = {name: {"ours": ours[name], "theirs": theirs[name]} for name in ours if ours[name] != theirs[name]}
    if not changed:
        return
    kind = DriftKind.DIFFERS
    if ours["external_id"] and not theirs["external_id"]:
        kind = DriftKind.NOT_THERE
    elif theirs["external_id"] and not ours["external_id"]:
        kind = DriftKind.ORPHAN
    elif changed.keys() == {"seats"}:
        kind = DriftKind.QUANTITY
    yield Difference(kind, account.public_id, account, changed, money, currency)


def _two_live(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    alive = choosing.live(seen.subscriptions)
    if len(alive) > 1:
        paid = [one for one in seen.invoices if one.status == "paid" and one.subscription in {other.external_id for other in alive[1:]}]
        yield Difference(
            DriftKind.TWO_LIVE, account.public_id, account, {"subscriptions": [one.external_id for one in alive]}, sum(one.paid for one in paid), paid[0].quote.currency if paid else alive[0].currency
        )


def _unbilled(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    """It works, and its bill is a draft that nobody makes final: a free period."""
    for alive in seen.subscriptions:
        if alive.status in ("active", "past_due") and not alive.paused:
            for one in choosing.unbilled(alive, seen.invoices, now=clock.now()):
                yield Difference(DriftKind.INVOICES, f"{applying.subject_of(account, one)}:draft", account, {"invoice": one.external_id, "problem": "not_billed"}, one.quote.total, one.quote.currency)


def _seats(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    """The provider's number against the ledger's last line."""
    alive = choosing.live(seen.subscriptions)
    last = SeatEntry.objects.filter(workspace=account.workspace_id, kind="named").order_by("-pk").first() if account.workspace_id else None
    if last is None or len(alive) != 1:
        return
    held = choosing.sold(alive[0])
    if held.plan and held.seats != last.seats:
        yield Difference(DriftKind.QUANTITY, f"{account.public_id}:ledger", account, {"provider": held.seats, "ledger": last.seats})


def _invoices(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    kept: Mapping[str, tuple[str, int, int, int]] | None = ports.mirrored(account)
    if kept is None:
        return
    for one in seen.invoices:
        if one.problem:
            yield Difference(DriftKind.INVOICES, applying.subject_of(account, one), account, applying.unfinished(one), one.quote.total, one.quote.currency)
            continue
        ours, theirs = kept.get(one.external_id), (one.status, one.quote.total, one.paid, min(one.refunded, one.paid))
        if ours != theirs and (ours is not None or one.status in ("paid", "open")):
            yield _invoice(account, one, ours, theirs)
    for note in seen.notes:
        ours, theirs = kept.get(note.external_id), (note.status, note.quote.total, 0, 0)
        if ours != theirs:
            facts = {"invoice": note.invoice, "document": note.external_id, "ours": list(ours) if ours else None, "theirs": list(theirs)}
            yield Difference(DriftKind.INVOICES, f"{account.public_id}:{note.external_id}", account, facts, -note.quote.total, note.quote.currency)


def _invoice(account: BillingAccount, one: InvoiceSeen, ours: tuple[str, int, int, int] | None, theirs: tuple[str, int, int, int]) -> Difference:
    facts = {"invoice": one.external_id, "ours": list(ours) if ours else None, "theirs": list(theirs)}
    return Difference(DriftKind.INVOICES, applying.subject_of(account, one), account, facts, one.quote.total, one.quote.currency)


def _payer(account: BillingAccount, seen: AccountSeen) -> Iterator[Difference]:
    """The main company against what stands on the provider's invoices."""
    main = account.main_payer()
    if main is None or seen.payer is None:
        return
    ours = {"name": main.name[:250].strip(), "country": main.country, "address": main.address[:200].strip(), "tax_id": "".join(filter(str.isalnum, main.tax_id))}
    theirs = {name: value.strip() for name, value in seen.payer.items()}
    changed = {name: {"ours": ours[name], "theirs": value} for name, value in theirs.items() if value != ours[name]}
    if changed:
        yield Difference(DriftKind.DIFFERS, f"{account.public_id}{PAYER}", account, {"payer": changed})
