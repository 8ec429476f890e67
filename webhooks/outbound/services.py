"""Verbs of subscriptions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock, jobs, secrets_box
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Actor, require

from . import addresses, bodies, catalogue, gathering, queries, signing
from .models import Cause, Hook, HookDelivery, State, Why
from .permissions import HOOKS

# How many a workspace may have; how long an earlier secret still signs; from how far back one may replay.
MOST, BOTH_FOR, REPLAYED_FROM, ONE_DAY = 100, timedelta(hours=24), timedelta(days=14), timedelta(days=1)
# Up to how many events of a replay are counted.
COUNTED = 10_000


class TooManyHooks(Conflict):
    """More would cost each event more than it is worth."""

    code = "too_many_hooks"
    sentence = gettext_lazy("There are {most} webhooks already. Remove one first.")


def subscribe(actor: Actor, destination: str, settings: Iterable[str], *, format: str | None = None, sort: int | None = None) -> Hook:  # noqa: A002 (the field's word)
    """Have a destination told of events; one that is there already gets these settings and is switched on again. Raises Invalid, Forbidden."""
    require(actor, HOOKS.right("edit"))
    destination, wanted = addresses.check(destination), _clean(settings)
    if format is not None:
        bodies.find(format)
    hook = Hook.objects.select_for_update(no_key=True).filter(destination=destination).first()
    if hook is not None:
        return _change(actor, hook, settings=wanted, format=format or hook.format, sort=hook.sort if sort is None else sort, on=True)
    if Hook.objects.count() >= MOST:
        raise TooManyHooks(most=MOST)
    hook = Hook.objects.create(
        destination=destination, settings=wanted, format=format or bodies.formats()[0].code, sort=sort or 0, created_by=actor.user_id,
        secret=secrets_box.encrypt(signing.make_secret()),
    )  # fmt: skip
    emit(actor, "hook.added", entity="hook", record_id=hook.pk, after={"name": destination, "settings": wanted, "format": hook.format}, also=["workspace:1"])
    return hook


def _clean(settings: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(str(name) for name in settings))
    if not wanted:
        raise Invalid(fields={"settings": [_("Choose at least one event.")]})
    unknown = [name[:60] for name in wanted if name not in catalogue.known()]
    if unknown:
        raise Invalid(fields={"settings": [_("No such event: {names}.").format(names=", ".join(unknown[:5]))]})
    return wanted


def change(actor: Actor, pk: int, *, settings: Iterable[str], format: str) -> Hook:  # noqa: A002 (the field's word)
    """Other events, or another format. Raises Invalid, Forbidden, NotFound."""
    hook = queries.get(actor, pk, lock=True)
    require(actor, HOOKS.right("edit"))
    bodies.find(format)
    return _change(actor, hook, settings=_clean(settings), format=format, sort=hook.sort, on=False)


def _change(actor: Actor, hook: Hook, *, settings: list[str], format: str, sort: int, on: bool) -> Hook:  # noqa: A002 (the field's word)
    before = {"settings": hook.settings, "format": hook.format, "sort": hook.sort}
    after = {"settings": settings, "format": format, "sort": sort}
    if before != after:
        hook.settings, hook.format, hook.sort, hook.updated_at = settings, format, sort, clock.now()
        hook.save(update_fields=["settings", "format", "sort", "updated_at"])
        changed = {name: value for name, value in after.items() if before[name] != value}
        emit(actor, "hook.changed", entity="hook", record_id=hook.pk, before={name: before[name] for name in changed}, after={"name": hook.destination, **changed}, also=["workspace:1"])
    if on and hook.disabled_at is not None:
        enable(actor, hook.pk)
        hook.refresh_from_db()
    return hook


def unsubscribe(actor: Actor, destination: str) -> None:
    """Tell a destination nothing more, and forget what was sent to it. Raises NotFound, Forbidden."""
    require(actor, HOOKS.right("edit"))
    hook = Hook.objects.filter(destination=destination.strip()).first()
    if hook is None:
        raise NotFound
    remove(actor, hook.pk)


def remove(actor: Actor, pk: int) -> None:
    """The same by its number."""
    hook = _held(actor, pk)
    emit(actor, "hook.removed", entity="hook", record_id=hook.pk, before={"name": hook.destination}, also=["workspace:1"])
    hook.delete()


def _held(actor: Actor, pk: int) -> Hook:
    hook = queries.get(actor, pk, lock=True)
    require(actor, HOOKS.right("edit"))
    return hook


def disable(actor: Actor, pk: int) -> Hook:
    """Tell it nothing for now. What waits stays, and is sent if it is switched on within its 24 hours."""
    hook = _held(actor, pk)
    if hook.disabled_at is None:
        hook.disabled_at, hook.disabled_why = clock.real_now(), Why.BY_HAND
        hook.save(update_fields=["disabled_at", "disabled_why"])
        emit(actor, "hook.disabled", entity="hook", record_id=pk, after={"name": hook.destination, "why": hook.disabled_why}, also=["workspace:1"])
    return hook


def enable(actor: Actor, pk: int) -> Hook:
    """Tell it again, with its breaker closed and its bad answers forgotten."""
    hook = _held(actor, pk)
    if hook.disabled_at is not None:
        hook.disabled_at = hook.failing_since = hook.paused_until = hook.warned_at = None
        hook.disabled_why, hook.failures, hook.bad = "", 0, {}
        hook.save(update_fields=["disabled_at", "disabled_why", "failing_since", "paused_until", "warned_at", "failures", "bad"])
        HookDelivery.objects.filter(hook=hook, state=State.WAITING).update(next_at=clock.real_now())
        gathering.wake(pk)
        emit(actor, "hook.enabled", entity="hook", record_id=pk, after={"name": hook.destination}, also=["workspace:1"])
    return hook


def secret_of(actor: Actor, hook: Hook) -> str:
    """The secret that signs, to be shown."""
    require(actor, HOOKS.right("edit"))
    return secrets_box.decrypt(hook.secret)


def rotate_secret(actor: Actor, pk: int) -> Hook:
    """A new secret; for a day the one before signs beside it, so that nothing has to change at the same moment."""
    hook = _held(actor, pk)
    hook.earlier_secret, hook.earlier_until = hook.secret, clock.real_now() + BOTH_FOR
    hook.secret = secrets_box.encrypt(signing.make_secret())
    hook.save(update_fields=["secret", "earlier_secret", "earlier_until"])
    emit(actor, "hook.secret_changed", entity="hook", record_id=pk, after={"name": hook.destination}, also=["workspace:1"])
    return hook


def try_out(actor: Actor, pk: int) -> HookDelivery:
    """Send a test, once, also where it is switched off."""
    hook = _held(actor, pk)
    body = bodies.find(hook.format).write([])
    row = HookDelivery.objects.create(hook=hook, uid=gathering.fresh_uid(), cause=Cause.TEST, settings=["test"], events=0, body=body)
    gathering.wake(pk)
    gathering.tidy_later()
    emit(actor, "hook.tried_out", entity="hook", record_id=pk, after={"name": hook.destination}, also=["workspace:1"])
    return row


def replay(actor: Actor, hook: Hook, *, since: datetime) -> int:
    """Tell a destination again what happened since a moment, up to now; returns how many events. Raises Invalid, Forbidden."""
    hook = _held(actor, hook.pk)
    count, first = count_again(actor, hook, since=since), queries.since(since)
    last = Event.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    gathering.quietly(hook.pk, replay_after=first - 1, replay_to=last)
    jobs.later(gathering.REPLAY, hook.pk)
    emit(actor, "hook.replayed", entity="hook", record_id=hook.pk, after={"name": hook.destination, "moment": since.isoformat(), "events": count}, also=["workspace:1"])
    return count


def count_again(actor: Actor, hook: Hook, *, since: datetime) -> int:
    """How many events that would be, COUNTED at most. Raises Invalid, Forbidden."""
    require(actor, HOOKS.right("edit"))
    now = clock.now()
    if not now - REPLAYED_FROM <= since <= now:
        raise Invalid(fields={"since": [_("Choose a moment of the last 14 days.")]})
    if hook.replay_to is not None:
        raise Invalid(fields={"since": [_("A replay is under way. Wait until it is done.")]})
    return queries.told_again(hook, first=queries.since(since), most=COUNTED)


def send_again(actor: Actor, pk: int, *, hook: int) -> HookDelivery:
    """Send one delivery once more, as it was, under its own id."""
    row = queries.delivery(actor, pk, hook=hook)
    require(actor, HOOKS.right("edit"))
    again = HookDelivery.objects.create(
        hook=row.hook, uid=row.uid, cause=Cause.REPLAY, settings=row.settings, records=row.records, events=row.events, body=row.body, event_at=row.event_at
    )
    gathering.wake(hook)
    emit(actor, "hook.replayed", entity="hook", record_id=hook, after={"name": row.hook.destination, "events": row.events}, also=["workspace:1"])
    return again
