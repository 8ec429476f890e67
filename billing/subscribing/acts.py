"""One act at a time for an account: written down before the provider is asked, once for an operation, refused to whoever decided by an older look."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing.models import Act, PendingChange
from billing.providers import calling, syncing
from billing.providers.protocol import Provider, ProviderUnavailable
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, CrmError, Invalid, Overtaken
from crm_platform.kernel.permissions import Actor, robot
from crm_platform.kernel.workspace import Place

from .accounts import Held, announce, held, note

_log = logging.getLogger("kartoteka.billing")
# How long an act may take until the next may begin, and how long a preview's figures hold.
LEASE, HOLDS = timedelta(seconds=60), timedelta(hours=1)
# What an act came to of which nobody heard to the end.
LOST = {"refused": "lost"}


class Busy(Conflict):
    """Another act on the same account is under way."""

    code = "act_under_way"
    sentence = _("A change of the plan is under way. Look again in a moment; nothing was charged twice.")


class ChangedMeanwhile(Overtaken):
    """Somebody else changed the plan after this person had looked."""

    code = "plan_changed_meanwhile"
    sentence = _("The plan was changed while you were looking at it. Look at the new figures and decide again; nothing was charged.")


class LookAgain(Invalid):
    """The figures are too old to be charged."""

    code = "figures_too_old"
    sentence = _("These figures are too old to be charged. Look at the new ones and confirm them.")


@dataclass(slots=True)
class Doing:
    """An act under way. `done` is what it came to, where the same operation was done before; `become` says what it comes to."""

    act: Act
    held: Held
    done: Mapping[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)

    def become(self, **result: Any) -> None:
        """Keep what it came to."""
        self.result = result


@contextmanager
def doing(
    place: Place, kind: str, *, actor: Actor, operation: str, as_of: datetime | None = None, check: Callable[[Held], Mapping[str, Any] | None] = lambda _held: None
) -> Iterator[Doing]:  # fmt: skip
    """Begin an act; `check` refuses it, or returns what is to be had, under the account's lock. The provider is asked inside the block, outside of any unit.

    A refusal ends the act; a provider that does not answer leaves it open, so that the same operation goes on with the same keys.
    """
    begun = _begin(place, kind, actor=actor, operation=operation, as_of=as_of, check=check)
    if begun.done is not None:
        yield begun
        return
    try:
        yield begun
    except ProviderUnavailable:
        raise
    except CrmError as error:
        _end(begun, state="failed", result={"refused": error.code})
        raise
    _end(begun, state="done", result=begun.result)


def by_itself(pk: int, place: Place, verb: str, *, operation: str, work: Callable[[Doing], None]) -> bool:
    """What a change that waits (`pk`) asks for, done by the house and announced as `verb`; where the plan has ended meanwhile it lapses. Opens units of its own, asks the provider.

    False where it is not done: the next look tries again, with the same keys.
    """
    with sides.control_unit():
        if not held(place).live:
            PendingChange.objects.filter(pk=pk, state="waiting").update(state="lapsed")
            return False
    try:
        with doing(place, verb, actor=robot("billing"), operation=operation, check=Held.require_live) as under:
            if under.done is None:
                work(under)
                with suppress(ProviderUnavailable):  # it is done: another look is asked for already
                    syncing.sync_account(under.held.account.pk, patience=5.0)
    except CrmError as error:
        _log.warning("what waited could not be done", extra={"workspace": place.public_id, "verb": verb, "error": error.code})
        return False
    announce(place, robot("billing"), verb)
    return True


def _begin(place: Place, kind: str, *, actor: Actor, operation: str, as_of: datetime | None, check: Callable[[Held], Mapping[str, Any] | None]) -> Doing:
    now = clock.now()
    if as_of is not None and not now - HOLDS <= as_of <= now + timedelta(minutes=1):
        raise LookAgain
    with sides.control_unit():
        had = held(place, lock=True)
        act = Act.objects.filter(account=had.account, operation=operation).first()
        if act is not None and act.state == "done":
            return Doing(act, had, done=act.result)
        _one_at_a_time(had, operation, as_of)
        target = dict(check(had) or {})
        until = clock.real_now() + LEASE
        if act is None:
            act = Act.objects.create(account=had.account, operation=operation, kind=kind, target=target, actor=actor.name[:200], until=until)
        else:
            act.state, act.until, act.target, act.result = "open", until, act.target if _may_be_done(act, now) else target, {}
            act.save(update_fields=["state", "until", "target", "result"])
        return Doing(act, had)


def _may_be_done(act: Act, now: datetime) -> bool:
    """Whether nobody knows what came of it: then the same is asked for again, for "one seat more" than what is there now might be two. Not once something else was done."""
    unknown = (act.state == "open" or act.result == LOST) and act.at >= now - HOLDS
    return unknown and not Act.objects.filter(account=act.account_id, state="done", done_at__gt=act.at).exists()


def _one_at_a_time(had: Held, operation: str, as_of: datetime | None) -> None:
    acts = Act.objects.filter(account=had.account).exclude(operation=operation)
    if acts.filter(state="open", until__gt=clock.real_now()).exists():
        raise Busy
    acts.filter(state="open").update(state="failed", result=LOST)
    if as_of is not None and acts.filter(state="done", done_at__gt=as_of).exists():
        raise ChangedMeanwhile


def _end(begun: Doing, *, state: str, result: Mapping[str, Any]) -> None:
    with sides.control_unit():
        ended = Act.objects.filter(pk=begun.act.pk).exclude(state="done").update(state=state, result=dict(result), done_at=clock.now())  # of two clicks at once what one has done stays done
        if ended and state == "done":
            after = {**begun.act.target, **result}
            note(begun.held.account, begun.act.kind, actor=begun.act.actor, after=after, operation=begun.act.operation)


def asked(under: Doing, kind: str, do: Callable[[Provider, str], Any]) -> Any:
    """Ask the provider of an act's account for something, once."""
    provider = provider_for(under.held.account)
    return calling.once(f"{under.act.operation}.{kind}", kind, {"target": under.act.target}, lambda key: do(provider, key), account=under.held.account)


def waiting(had: Held, kind: str = "plan") -> PendingChange | None:
    """A change that waits. Inside a control unit."""
    return PendingChange.objects.filter(subscription=had.subscription, kind=kind, state="waiting").first()


def under_way(account_id: int) -> Act | None:
    """The act that is open, for whoever writes what came of it. Inside a control unit."""
    return Act.objects.filter(account_id=account_id, state="open").first()
