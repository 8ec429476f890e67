"""Looking at a host's records: what the name servers say, and what follows from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Lease
from tenants import routing
from tenants.models import Domain, State

from . import lookup, states, telling
from .hosts import EVERY, GRACE, WHILE_WAITING, digest, record_name
from .models import PROVED, Entry, FormerHost, HostState, OwnHost

AT_ONCE = 50
ROUTED = (HostState.ACTIVE, HostState.FAILING)
# A wish that nobody proves is looked at often for a day, then daily.
EAGER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the name servers said: `mine` proved, `leads` here; `known` is False where they could not be asked."""

    known: bool
    by_text: bool = False
    by_name: bool = False
    leads: bool = False


def ask_due() -> int:
    """Leave a job for each host whose time has come; returns how many. Of what leaves or is gone nothing is asked."""
    now = clock.now()
    with sides.control_unit():
        due = list(OwnHost.objects.filter(next_check_at__lte=now, workspace__state=State.ACTIVE).values_list("pk", flat=True)[:AT_ONCE])
        OwnHost.objects.filter(pk__in=due).update(next_check_at=now + WHILE_WAITING)
        for pk in due:
            jobs.later("lifecycle.check_host", pk, key=f"host-{pk}")
    return len(due)


@jobs.register("lifecycle.check_host")
def check_host(pk: int, *, lease: Lease | None = None) -> None:
    """Ask the name servers, outside of any transaction, then write what follows."""
    with sides.control_unit():
        wish = OwnHost.objects.filter(pk=pk, workspace__state=State.ACTIVE).select_related("workspace").first()
        labels = [] if wish is None else list(Domain.objects.filter(tenant=wish.workspace).exclude(domain__contains=".").values_list("domain", flat=True))
    if wish is None:
        return
    seen = look(wish, labels)
    entry = conclude(pk, seen)
    if entry is not None:
        telling.tell(entry)


def look(wish: OwnHost, labels: list[str]) -> Seen:
    """What the records say of a wish."""
    addresses = {f"{label}.{base}" for label in labels for base in settings.BASE_DOMAINS}
    ask = lookup.resolver
    try:
        by_text = wish.token in ask.texts(record_name(wish.host))
        by_name = ask.leads_to(wish.host) in addresses
        leads = by_name or bool(ask.numbers(wish.host) & ask.numbers(settings.PUBLIC_HOST))
    except lookup.NoAnswer:
        return Seen(known=False)
    return Seen(known=True, by_text=by_text, by_name=by_name, leads=leads)


def conclude(pk: int, seen: Seen) -> Entry | None:
    """Write the new state; an entry where the workspace is to be told. Opens a control unit."""
    with sides.control_unit():
        wish = OwnHost.objects.select_for_update().select_related("workspace").filter(pk=pk, workspace__state=State.ACTIVE).first()
        if wish is None:
            return None
        before = wish.state
        wish.state, wish.problem = _next(wish, seen)
        _stamp(wish, seen)
        try:
            with transaction.atomic("control"):  # of two that prove it at once the second is refused by the table
                wish.save()
                _route(wish)
        except IntegrityError:  # another workspace has proved it meanwhile
            wish.state, wish.problem = HostState.PENDING, "taken"
            wish.save()
        routing.forget(wish.host)
        if wish.state == before or not {before, wish.state} & {HostState.ACTIVE, HostState.FAILING}:
            return None
        told = {"before": {"name": wish.host, "state": before}, "after": {"name": wish.host, "state": str(wish.state)}}
        return states.record(wish.workspace, "host_changed", by=states.KEEPER, operation=uuid.uuid4(), before=wish.workspace.state, tell=told)


def _next(wish: OwnHost, seen: Seen) -> tuple[str, str]:
    """The state that follows, and what is wrong ("" for nothing)."""
    now = clock.now()
    if not seen.known:
        silent = wish.good_at is not None and now - wish.good_at > GRACE
        return (_failing(wish), "silent") if wish.state in ROUTED and silent else (wish.state, "silent")
    if OwnHost.objects.filter(host=wish.host, state__in=PROVED).exclude(pk=wish.pk).exists():
        return HostState.PENDING, "taken"
    mine = seen.by_text or (seen.by_name and not _another_had(wish))
    if mine and seen.leads:
        return HostState.ACTIVE, ""
    if wish.state in ROUTED:
        return _failing(wish), "unproved" if not mine else "elsewhere"
    return (HostState.VERIFIED, "elsewhere") if mine else (HostState.PENDING, "old_name" if seen.by_name else "unproved")


def _failing(wish: OwnHost) -> str:
    """Failing leads here for three days more; then it must be proved anew, and is anyone's to prove."""
    over = wish.failing_since is not None and clock.now() - wish.failing_since >= GRACE
    return HostState.PENDING if over else HostState.FAILING


def _another_had(wish: OwnHost) -> bool:
    return wish.good_at is None and FormerHost.objects.filter(digest=digest(wish.host)).exists()


def _stamp(wish: OwnHost, seen: Seen) -> None:
    now = clock.now()
    wish.checked_at = now
    if wish.state == HostState.ACTIVE:
        wish.good_at = now
    if wish.state == HostState.FAILING:
        wish.failing_since = wish.failing_since or now
    else:
        wish.failing_since = None
    eager = wish.state in (HostState.PENDING, HostState.VERIFIED) and now - wish.created_at < EAGER
    wish.next_check_at = now + (WHILE_WAITING if eager or not seen.known else EVERY)


def _route(wish: OwnHost) -> None:
    """Only what works leads here, and what fails for its grace."""
    if wish.state in ROUTED:
        Domain.objects.update_or_create(domain=wish.host, defaults={"tenant": wish.workspace, "is_primary": False})
        return
    gone, _kinds = Domain.objects.filter(domain=wish.host, tenant=wish.workspace).delete()
    if gone and wish.good_at is not None:
        FormerHost.objects.get_or_create(digest=digest(wish.host))
