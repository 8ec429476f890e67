"""Reading subscriptions and their log."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from crm_platform.events.models import Event
from crm_platform.kernel import clock, versions
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, as_ever, require

from . import catalogue
from .models import Hook, HookDelivery, State
from .permissions import HOOKS


def live() -> list[Hook]:
    """The subscriptions that are told of events; kept until one changes, shared: never change them."""
    return versions.kept("outbound.live", ("outbound_hook",), lambda: list(Hook.objects.filter(disabled_at=None).order_by("id")))


def wanted_events() -> frozenset[str]:
    """What the relay has to keep for us in this workspace."""
    return frozenset[str]().union(*(catalogue.events_of(hook.settings) for hook in live()))


def hooks(actor: Actor) -> QuerySet[Hook]:
    """All subscriptions. Raises Forbidden."""
    require(as_ever(actor), HOOKS.right("edit"))
    return Hook.objects.all()


def get(actor: Actor, pk: int, *, lock: bool = False) -> Hook:
    """One of them. Raises Forbidden, NotFound."""
    rows = hooks(actor)
    found: Hook | None = (rows.select_for_update(no_key=True) if lock else rows).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def log(hook: Hook, *, words: str = "", state: str = "", before: int | None = None) -> QuerySet[HookDelivery]:
    """Its deliveries, newest first: those that hold all the words (in the body, the id or the answers), of a state, with a lower id than `before`."""
    rows = HookDelivery.objects.filter(hook=hook).order_by("-id")
    for word in words.split()[:5]:
        rows = rows.filter(Q(body__icontains=word) | Q(uid__startswith=word) | Q(settings__contains=[word]) | Q(records__contains=[word]))
    if state in State.values:
        rows = rows.filter(state=state)
    return rows if before is None else rows.filter(pk__lt=before)


def delivery(actor: Actor, pk: int, *, hook: int) -> HookDelivery:
    """One delivery of a subscription. Raises Forbidden, NotFound."""
    found = HookDelivery.objects.select_related("hook").filter(pk=pk, hook=get(actor, hook)).first()
    if found is None:
        raise NotFound
    return found


def since(moment: datetime) -> int:
    """The number of the first event from a moment on: found by halving, since events are numbered in the order of time."""
    low, high = 0, Event.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    while low < high:
        middle = (low + high) // 2
        found = Event.objects.filter(pk__gt=middle).order_by("id").values_list("pk", "at").first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0]
    return low + 1


def told_again(hook: Hook, *, first: int, most: int = 10_000) -> int:
    """How many events from the numbered one on would be told again; `most` at most."""
    names = catalogue.events_of(hook.settings)
    return Event.objects.filter(pk__gte=first, name__in=names)[:most].count()


def with_last_answers(rows: QuerySet[Hook]) -> list[Hook]:
    """Subscriptions, each with the answers of the delivery that was tried last (`last_answers`, or None)."""
    tried = HookDelivery.objects.filter(hook=OuterRef("pk"), attempts__gt=0).order_by("-id")
    return list(rows.annotate(last_answers=Subquery(tried.values("answers")[:1])))


def waiting(hook: Hook) -> int:
    """How many deliveries wait for it."""
    return HookDelivery.objects.filter(hook=hook, state=State.WAITING).count()


def signs_with(hook: Hook, *, now: datetime | None = None) -> list[str]:
    """The secrets that sign at present, sealed: the newest, and the one before for its last day."""
    both = hook.earlier_secret and hook.earlier_until and hook.earlier_until > (now or clock.real_now())
    return [hook.secret, hook.earlier_secret] if both else [hook.secret]
