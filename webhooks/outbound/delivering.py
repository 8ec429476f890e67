"""Sending what waits: one worker at a subscription, records in their order, nothing sent inside a unit.

A worker that dies leaves deliveries as they were: another takes over and sends them again. Each workspace's subscriptions
are jobs of its own, so one that hangs holds at most a place at its own workspace's table, and after a few bad answers its
breaker opens and it is tried once in a while.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from crm_platform.db import sides
from crm_platform.kernel import clock, ids, jobs, points, secrets_box, versions, workspace
from crm_platform.kernel.jobs import Again, Lease

from . import bodies, failing, gathering, queries, signing, transport
from .gathering import quietly, wake
from .models import Cause, Hook, HookDelivery, State
from .transport import Answer, Call

# How long a delivery is tried, how many are taken up at once where all is well, and how many that wait are looked through for them.
TRIED_FOR, AT_ONCE, LOOKED_AT = timedelta(hours=24), 40, 300
# Seconds between the attempts of one delivery; the last one repeats. Each is lengthened or shortened by up to a fifth.
PAUSES = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
HELD = timedelta(seconds=30)
KEPT_ANSWERS = 20
KEPT_FOR, TIDIED_AT_ONCE = timedelta(days=14), 500


@jobs.register(gathering.JOB)
def send(pk: int, *, lease: Lease) -> Again | None:
    """Send what is due to a subscription until nothing is, or others wait."""
    token = ids.random_id(12)
    due: list[HookDelivery] = []
    answers: list[Answer | None] = []
    try:
        while True:
            with sides.unit(workspace.here()):
                lease.beat()
                if due:
                    _note(pk, due, answers)
                again = lease.should_yield() and bool(due)
                due = [] if again else _take_up(pk, token)
            if not due:
                return Again() if again else None
            answers = transport.send(_calls(due))
            points.reached("outbound.sent")
    finally:
        with sides.unit(workspace.here()):
            _release(pk, token)


def _release(pk: int, token: str) -> None:
    with versions.quiet():
        Hook.objects.filter(pk=pk, sender=token).update(sender="", sender_until=None)


def _take_up(pk: int, token: str) -> list[HookDelivery]:
    """The next deliveries to send now, with the subscription held; none where another worker has it, or nothing is due."""
    now = clock.real_now()
    hook = Hook.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if hook is None:
        return []
    if hook.sender not in ("", token) and hook.sender_until is not None and hook.sender_until > now:
        wake(pk, at=hook.sender_until)  # whoever has it looks again before letting go, unless it dies
        return []
    _give_up_old(hook, now=now)
    due, next_at = _choose(hook, now=now)
    if due:
        quietly(pk, sender=token, sender_until=now + HELD)
        return due
    quietly(pk, sender="", sender_until=None)
    if next_at is not None:
        wake(pk, at=next_at)
    return []


def _give_up_old(hook: Hook, *, now: datetime) -> None:
    HookDelivery.objects.filter(hook=hook, state=State.WAITING, created_at__lte=now - TRIED_FOR, next_at__lte=now).update(state=State.FAILED, done_at=now)


def _choose(hook: Hook, *, now: datetime) -> tuple[list[HookDelivery], datetime | None]:
    """What is due, no record twice and none before what waits of it; and when the next is due where nothing is."""
    waiting = HookDelivery.objects.filter(hook=hook, state=State.WAITING).order_by("id")
    if hook.disabled_at is not None:
        waiting = waiting.filter(cause=Cause.TEST)
    elif hook.paused_until is not None and hook.paused_until > now:
        return [], hook.paused_until if waiting.exists() else None
    most, held, due, moments = AT_ONCE if not hook.failures else 1, set[str](), list[int](), list[datetime]()
    for pk, records, next_at in waiting.values_list("pk", "records", "next_at")[:LOOKED_AT]:
        free = held.isdisjoint(records)
        held.update(records)
        if next_at > now:
            moments.append(next_at)
        elif free and len(due) < most:
            due.append(pk)
    return list(HookDelivery.objects.select_related("hook").filter(pk__in=due).order_by("id")) if due else [], min(moments, default=None)


def _calls(due: list[HookDelivery]) -> list[Call]:
    hook = due[0].hook
    keys, content_type = [secrets_box.decrypt(sealed) for sealed in queries.signs_with(hook)], bodies.find(hook.format).content_type
    bodies_sent = [(row, row.body.encode()) for row in due]
    return [Call(hook.destination, body, _headers(row, body, keys) | {"Content-Type": content_type}) for row, body in bodies_sent]


def _headers(row: HookDelivery, body: bytes, keys: list[str]) -> dict[str, str]:
    return signing.headers(row.uid, at=int(clock.real_now().timestamp()), body=body, keys=keys) | {
        "User-Agent": "Kartoteka-Webhooks/1", "X-Delivery-Id": row.uid, "X-Event-Time": row.event_at.isoformat(), "X-Attempt": str(row.attempts + 1),
    }  # fmt: skip


def _note(pk: int, due: list[HookDelivery], answers: list[Answer | None]) -> None:
    """What came back: on each delivery, then on the subscription."""
    now = clock.real_now()
    hook = Hook.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if hook is None:
        return
    recovered = False
    tried = [(row, answer) for row, answer in zip(due, answers, strict=True) if answer is not None]
    for row, answer in tried:
        _note_one(row, answer, now=now)
        if answer.good or row.cause != Cause.TEST:  # a test that fails is a person's own look, no bad answer of theirs
            recovered |= failing.note(hook, good=answer.good, now=now)
    _save([row for row, _answer in tried])
    if recovered:  # what waited for a later attempt goes now, in its order
        HookDelivery.objects.filter(hook=hook, state=State.WAITING, next_at__gt=now).update(next_at=now)
    failing.settle(hook, now=now)


# One statement for all, of constant length: Django's bulk_update costs a third of a delivery.
_SAVED = "UPDATE outbound_delivery SET state = %s, attempts = %s, next_at = %s, answers = %s, done_at = %s WHERE id = %s"


def _save(rows: list[HookDelivery]) -> None:
    saved: list[Any] = [(row.state, row.attempts, row.next_at, Jsonb(row.answers), row.done_at, row.pk) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(_SAVED, saved)


def _note_one(row: HookDelivery, answer: Answer, *, now: datetime) -> None:
    told: dict[str, Any] = {"at": now.isoformat(), "status": answer.status, "ms": answer.ms, "said": answer.said, "problem": answer.problem}
    row.answers = [*row.answers, told][-KEPT_ANSWERS:]
    row.attempts += 1
    if answer.good:
        row.state, row.done_at = State.DONE, now
        return
    until = row.created_at + TRIED_FOR
    if now >= until or row.cause == Cause.TEST:
        row.state, row.done_at = State.FAILED, now
        return
    row.next_at = min(now + timedelta(seconds=pause(row.attempts)), until)


def pause(attempts: int) -> float:
    """Seconds after so many attempts until the next, up to a fifth more or less."""
    return PAUSES[min(attempts, len(PAUSES)) - 1] * (0.8 + secrets.randbelow(401) / 1000)


@jobs.register("outbound.tidy")
def tidy(pk: int, *, lease: Lease) -> Again | None:
    """Forget what is older than 14 days; come again while there is anything."""
    before = clock.real_now() - KEPT_FOR
    with sides.unit(workspace.here()):
        hooks = list(Hook.objects.values_list("pk", flat=True))
    for hook in hooks:
        while True:
            with sides.unit(workspace.here()):
                lease.beat()
                oldest = HookDelivery.objects.filter(hook=hook).order_by("id").values_list("pk", "created_at")[:TIDIED_AT_ONCE]
                gone = [number for number, made in oldest if made < before]
                HookDelivery.objects.filter(pk__in=gone).delete()
            if len(gone) < TIDIED_AT_ONCE:
                break
    with sides.unit(workspace.here()):
        if HookDelivery.objects.exists():
            gathering.tidy_later()
    return None
