"""Who may work now: places that people share, days of occasional seats, and free seats for those who wait. Answers `kernel.seating`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.pricing.terms import Seats as Kind
from crm_platform.accounts import directory
from crm_platform.accounts.models import Access, SeatState, User
from crm_platform.kernel import access, clock, gates, jobs, workspace
from crm_platform.kernel.errors import CrmError

from .models import PendingSeats, SeatChoice, SeatDay, SeatPlace, SeatRequest
from .terms import terms

# The job that looks whether the spending ceiling is near.
SPENDING = "seats.spending"
# How long a place is kept after the last sign of life; it is written anew only when less than `_AGAIN` of it is left.
KEPT_FOR, _AGAIN = timedelta(minutes=15), timedelta(minutes=10)


class AllAtWork(CrmError):
    """All shared places are taken."""

    code, status = "all_places_taken", 402
    heading = _("All places are taken at the moment")
    sentence = _("Your firm has {count} places for people at work at the same time. In are: {names}. A place is free when one of them logs out, or has done nothing for 15 minutes.")


class DaysUsedUp(CrmError):
    """The days of occasional seats are used up, and nothing is charged beyond them."""

    code, status = "days_used_up", 402
    heading = _("Ask an administrator to let you in")
    sentence = _("The days of occasional seats that your firm set for a month are used up ({count}), and no bill grows by itself. An administrator can raise the ceiling, or let you in for today.")


class Seats:
    """Answers `kernel.seating`."""

    def pending_room(self) -> int:
        open_now = pending()
        if not open_now:
            return 0
        _lock()
        taken = User.objects.filter(seat_state=SeatState.PENDING, access__in=(Access.ACTIVE, Access.INVITED), role__view_only=False).count()
        return max(0, open_now - taken)

    def may_come_back(self, *, chosen: bool) -> bool:
        usage = gates.usage("users")
        if usage.room is None:
            return True
        if chosen:
            last = SeatChoice.objects.order_by("-id").first()
            if last is not None and (usage.limit or 0) <= last.seats:
                return False
        return usage.limit is not None and usage.used < usage.limit

    def admit(self, person: int, *, occasional: bool) -> None:
        if occasional:
            if access.here().level is access.Level.FULL:  # who can only read has no day: nothing is charged in a pause, nor where a bill stopped work
                note_day(person)
        elif terms().kind == Kind.CONCURRENT:
            take_place(person)


def pending() -> int:
    """Seats that wait for their payment, whether anybody sits on them or not."""
    found: int = PendingSeats.objects.filter(settled_at=None, until__gt=clock.now()).aggregate(n=Sum("count"))["n"] or 0
    return found


def take_place(person: int) -> None:
    """Have a place, or keep it. Raises AllAtWork, which says who is in; the last place goes to one."""
    now = clock.real_now()
    mine = SeatPlace.objects.filter(person=person).first()
    if mine is not None and mine.until is not None and mine.until > now and mine.number <= terms().bought:
        if mine.until - now < _AGAIN:
            SeatPlace.objects.filter(pk=mine.pk, person=person).update(until=now + KEPT_FOR)
        return
    _lock()
    count = terms().bought
    rows = {row.number: row for row in SeatPlace.objects.exclude(number=0)}
    free = next((number for number in range(1, count + 1) if number not in rows or _is_free(rows[number], person, now)), 0)
    if not free:
        taken = [row.person for row in rows.values() if row.number <= count and row.person is not None]
        raise AllAtWork(count=count, names=", ".join(sorted(filter(None, map(directory.name_of, taken)))))
    SeatPlace.objects.filter(person=person).exclude(number=free).update(person=None, until=None)
    SeatPlace.objects.update_or_create(number=free, defaults={"person": person, "until": now + KEPT_FOR})


def _is_free(row: SeatPlace, person: int, now: datetime) -> bool:
    return row.person in (None, person) or row.until is None or row.until <= now


def note_day(person: int) -> None:
    """Count this day for a person, once. Raises DaysUsedUp at the ceiling that the firm set: nothing is charged beyond it."""
    day = today()
    if SeatDay.objects.filter(person=person, day=day).exists():
        return
    _lock()
    if days_left() < 1 and not _let_in(person, day):
        raise DaysUsedUp(count=days_used(month()), ask="/seat-asked")
    SeatDay.objects.get_or_create(person=person, day=day)
    jobs.later(SPENDING, 0, key=SPENDING)  # a day costs: is the firm's spending ceiling near?


def may_come(person: int) -> bool:
    """Whether a person with an occasional seat may work today: the day is counted already, the ceiling leaves one, or an administrator let the person in."""
    day = today()
    return SeatDay.objects.filter(person=person, day=day).exists() or days_left() > 0 or _let_in(person, day)


def days_left() -> int:
    """Active days that this month's ceiling leaves; below nought where administrators let people in above it."""
    return (terms().occasional or 0) - days_used(month())


def _let_in(person: int, day: date) -> bool:
    return SeatRequest.objects.filter(person=person, allowed_on=day).exists()


def days_used(start: date, end: date | None = None) -> int:
    """Active days of occasional seats from a day on, until before another."""
    rows = SeatDay.objects.filter(day__gte=start)
    return (rows if end is None else rows.filter(day__lt=end)).count()


def today() -> date:
    """By the firm's clock, in business time."""
    return timezone.localdate(clock.now())


def month() -> date:
    """The first day of the month, by the firm's clock."""
    return today().replace(day=1)


def at_work() -> list[int]:
    """Who has a shared place now."""
    return [pk for pk in SeatPlace.objects.filter(until__gt=clock.real_now()).order_by("number").values_list("person", flat=True) if pk is not None]


def left(sender: Any, *, user: Any = None, **_more: Any) -> None:
    """Somebody logs out: the place is free at once."""
    if user is not None and workspace.current() is not None:
        SeatPlace.objects.filter(person=user.pk).update(person=None, until=None)


def _lock() -> None:
    """One claim at a time, until the unit's end: the database decides who has the last one."""
    SeatPlace.objects.get_or_create(number=0)
    SeatPlace.objects.select_for_update().get(number=0)
