"""A subscription that does not answer well: its breaker, the letters, and the end.

It is switched off after more than a hundred bad answers in two hours, the last one bad, as amoCRM does it; and, since an
open breaker asks too seldom for that, after three days without one good answer. A letter comes before either.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from crm_platform.accounts import directory
from crm_platform.accounts.models import Access, User
from crm_platform.events.backbone import emit
from crm_platform.kernel import workspace
from crm_platform.kernel.permissions import robot
from crm_platform.letters import post

from .gathering import quietly
from .models import Hook, Why

# Bad answers in a row that open the breaker; seconds it stays open, the longer the more follow.
OPENS_AFTER, STAYS_OPEN = 8, (60, 120, 300, 600, 1200, 1800)
COUNTED_FOR, MOST_BAD, WARNED_AT = timedelta(hours=2), 100, 50
SILENT_FOR, WARNED_EVERY = timedelta(days=3), timedelta(hours=24)
_BUCKET = 300
ROBOT = robot("webhooks")


def note(hook: Hook, *, good: bool, now: datetime) -> bool:
    """Count an answer; True where it is the first good one after the breaker had opened. `settle` writes it."""
    if good:
        recovered = hook.failures >= OPENS_AFTER
        hook.failures, hook.failing_since, hook.paused_until, hook.good_at = 0, None, None, now
        return recovered
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    bucket = str(int(now.timestamp()) // _BUCKET * _BUCKET)
    hook.bad = {**hook.bad, bucket: hook.bad.get(bucket, 0) + 1}
    if hook.failures >= OPENS_AFTER:
        hook.paused_until = now + timedelta(seconds=_stays_open(hook.failures))
    return False


def _stays_open(failures: int) -> float:
    longest = STAYS_OPEN[min(failures - OPENS_AFTER, len(STAYS_OPEN) - 1)]
    return longest * (0.8 + secrets.randbelow(401) / 1000)


def bad_lately(hook: Hook, *, now: datetime) -> int:
    """Bad answers of the last two hours."""
    since = (now - COUNTED_FOR).timestamp()
    return sum(count for bucket, count in hook.bad.items() if int(bucket) + _BUCKET > since)


def settle(hook: Hook, *, now: datetime) -> None:
    """Write how it stands; warn, or switch it off, where it is time. Inside a unit, with its row locked."""
    since = (now - COUNTED_FOR).timestamp()
    hook.bad = {bucket: count for bucket, count in hook.bad.items() if int(bucket) + _BUCKET > since}
    if hook.failures and hook.disabled_at is None:
        lately = bad_lately(hook, now=now)
        if lately > MOST_BAD or (hook.failing_since is not None and now - hook.failing_since >= SILENT_FOR):
            _switch_off(hook, now=now)
        elif (hook.failures > OPENS_AFTER or lately >= WARNED_AT) and (hook.warned_at is None or now - hook.warned_at >= WARNED_EVERY):
            hook.warned_at = now
            _write("hook_failing", hook)
    quietly(hook.pk, **{name: getattr(hook, name) for name in ("failures", "failing_since", "paused_until", "good_at", "bad", "warned_at")})


def _switch_off(hook: Hook, *, now: datetime) -> None:
    hook.disabled_at, hook.disabled_why = now, Why.FAILING
    Hook.objects.filter(pk=hook.pk).update(disabled_at=now, disabled_why=Why.FAILING)
    emit(ROBOT, "hook.disabled", entity="hook", record_id=hook.pk, after={"name": hook.destination, "why": Why.FAILING}, also=["workspace:1"])
    _write("hook_disabled", hook)


def _write(template: str, hook: Hook) -> None:
    for person in administrators():
        post.write(str(person.email), template, language=person.language, destination=hook.destination, url=workspace.url(f"/settings/hooks/{hook.pk}"))


def administrators() -> list[User]:
    """Who is written to: owners and administrators with access, in the order of names."""
    return [person for person in directory.everyone().values() if person.role.everything and person.access == Access.ACTIVE and person.email]
