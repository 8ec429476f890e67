"""Figures made of the days' looks. Reading only; each currency by itself, nothing is converted. `platform/docs/REPORTS.md` defines every one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Min, Sum

from billing.plans import TRIAL_DAYS
from billing.pricing.quoting import part

from .models import Day, Kind, Movement, MrrLine, TrialStart

# Days after the trial's end within which a first payment still counts as the trial's.
CONVERTS_WITHIN = TRIAL_DAYS + 30
_BP = 10_000


@dataclass(frozen=True, slots=True)
class Flow:
    """One currency between two looks: minor units, `moves` signed by kind; the shares in hundredths of a percent, None where nobody paid at the start."""

    currency: str
    start: int
    end: int
    moves: Mapping[str, int]
    paying_start: int
    paying_end: int
    lost: int
    kept: int
    shrunk: int

    @property
    def difference(self) -> int:
        """Start + movements − end: always nought, and shown, so that it can be seen."""
        return self.start + sum(self.moves.values()) - self.end

    @property
    def arr(self) -> int:
        return 12 * self.end

    @property
    def arpa(self) -> int | None:
        """MRR by paying workspace."""
        return part(self.end, 1, self.paying_end) if self.paying_end else None

    @property
    def nrr(self) -> int | None:
        """What those who paid at the start pay at the end."""
        return part(self.kept, _BP, self.start) if self.start else None

    @property
    def gross_churn(self) -> int | None:
        """What those who paid at the start pay less, growth left out."""
        return part(self.shrunk, _BP, self.start) if self.start else None

    @property
    def logo_churn(self) -> int | None:
        """Those who paid at the start and do not at the end."""
        return part(self.lost, _BP, self.paying_start) if self.paying_start else None


@dataclass(frozen=True, slots=True)
class Month:
    """A month, between the look that opens it and the one that closes it (the newest, while it lasts). `start` None: nobody had looked yet."""

    first: date
    start: Day | None
    end: Day

    @property
    def closed(self) -> bool:
        return self.end.day >= following(self.first)


@dataclass(slots=True)
class Cohort:
    """Workspaces that paid for the first time in a month; `kept` says how many of them pay at the end of each month since."""

    first: date
    size: int
    kept: list[int | None] = field(default_factory=list)

    def shares(self) -> list[int | None]:
        """The same in hundredths of a percent."""
        return [None if count is None or not self.size else part(count, _BP, self.size) for count in self.kept]


def following(first: date) -> date:
    """The first of the month after."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def preceding(first: date) -> date:
    """The first of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def months(count: int) -> list[Month]:
    """The last months that were looked at, the newest first. Two statements."""
    newest = Day.objects.order_by("-day").first()
    if newest is None:
        return []
    firsts = [newest.day.replace(day=1)]
    while len(firsts) < count:
        firsts.append(preceding(firsts[-1]))
    days = list(Day.objects.filter(day__gt=firsts[-1] - timedelta(days=62)).order_by("day"))
    found = []
    for first in firsts:
        end = _last(days, following(first))
        start = _last(days, first)
        if end is not None and end.day >= first and (start is None or start.day < end.day or first == firsts[0]):
            found.append(Month(first, start, end))
    return found


def _last(days: Sequence[Day], until: date) -> Day | None:
    return next((day for day in reversed(days) if day.day <= until), None)


def flows(start: Day | None, end: Day) -> list[Flow]:
    """Each currency between two looks. Three statements."""
    moves: dict[str, dict[str, int]] = defaultdict(dict)
    seen = Movement.objects.filter(day__day__lte=end.day)
    if start is not None:
        seen = seen.filter(day__day__gt=start.day)
    for currency, kind, minor in seen.values_list("currency", "kind").annotate(total=Sum("minor")):
        moves[currency][kind] = minor
    had, has = _held(start), _held(end)
    currencies = sorted(set(moves) | {currency for currency, _one in had} | {currency for currency, _one in has})
    return [_flow(currency, had, has, moves.get(currency, {})) for currency in currencies]


def _held(day: Day | None) -> dict[tuple[str, str], int]:
    if day is None:
        return {}
    return {(currency, workspace): minor for currency, workspace, minor in MrrLine.objects.filter(day=day).values_list("currency", "workspace", "minor")}


def _flow(currency: str, had: Mapping[tuple[str, str], int], has: Mapping[tuple[str, str], int], moves: Mapping[str, int]) -> Flow:
    mine = {key: minor for key, minor in had.items() if key[0] == currency}
    after = [minor for key, minor in has.items() if key[0] == currency]
    kept = {key: has.get(key, 0) for key in mine}
    return Flow(
        currency=currency, start=sum(mine.values()), end=sum(after), moves={kind.value: moves.get(kind.value, 0) for kind in Kind},
        paying_start=len(mine), paying_end=len(after), lost=sum(1 for minor in kept.values() if not minor),
        kept=sum(kept.values()), shrunk=sum(max(0, minor - kept[key]) for key, minor in mine.items()),
    )  # fmt: skip


def trials(first: date) -> tuple[int, int]:
    """How many trials began in a month, and how many of these were paid for in time. Two statements."""
    began = dict(TrialStart.objects.filter(day__gte=first, day__lt=following(first)).values_list("workspace", "day"))
    paid = Movement.objects.filter(workspace__in=began, kind=Kind.NEW).values_list("workspace", "day__day")
    return len(began), sum(1 for workspace, day in paid if day <= began[workspace] + timedelta(days=CONVERTS_WITHIN))


def cohorts(shown: Sequence[Month]) -> list[Cohort]:
    """Of the months given (newest first), the oldest first. Two statements."""
    ordered = list(reversed(shown))
    if not ordered:
        return []
    began: dict[date, set[str]] = defaultdict(set)
    for workspace, day in Movement.objects.values_list("workspace").annotate(first=Min("day__day")):
        began[_month_of(day)].add(workspace)
    paying: dict[int, set[str]] = defaultdict(set)
    for pk, workspace in MrrLine.objects.filter(day__in=[month.end.pk for month in ordered]).values_list("day", "workspace"):
        paying[pk].add(workspace)
    return [_cohort(month, ordered, began.get(month.first, set()), paying) for month in ordered]


def _cohort(own: Month, ordered: Sequence[Month], members: set[str], paying: Mapping[int, set[str]]) -> Cohort:
    kept: list[int | None] = [len(members & paying[month.end.pk]) for month in ordered if month.first >= own.first]
    return Cohort(own.first, len(members), kept + [None] * (len(ordered) - len(kept)))


def _month_of(day: date) -> date:
    """A look shows how the day before ended, so that the first of a month belongs to the month before."""
    return (day - timedelta(days=1)).replace(day=1)


def lines(day: Day) -> Iterable[Mapping[str, Any]]:
    """What each workspace brought on a day, the most first."""
    return MrrLine.objects.filter(day=day).order_by("currency", "-minor", "id").values("workspace", "slug", "currency", "minor", "plan", "version", "interval", "seats", "past_due")


def moved(month: Month, *, currency: str = "", kind: str = "") -> Any:
    """The movements behind a month's figure, the newest first."""
    found = Movement.objects.filter(day__day__lte=month.end.day).select_related("day").order_by("-day__day", "workspace", "currency")
    if month.start is not None:
        found = found.filter(day__day__gt=month.start.day)
    if currency:
        found = found.filter(currency=currency)
    return found.filter(kind=kind) if kind else found


@dataclass(frozen=True, slots=True)
class Total:
    """A month of one currency: MRR at its end, and what moved in it."""

    month: Month
    end: int
    moves: Mapping[str, int]


def history(shown: Sequence[Month], currency: str) -> list[Total]:
    """The months given, in one currency. Two statements, whatever their number."""
    if not shown:
        return []
    ends = dict(MrrLine.objects.filter(day__in=[month.end.pk for month in shown], currency=currency).values_list("day").annotate(total=Sum("minor")))
    since = min(month.start.day if month.start else month.first for month in shown)
    seen = list(Movement.objects.filter(currency=currency, day__day__gte=since).values_list("day__day", "kind").annotate(total=Sum("minor")))
    return [Total(month, ends.get(month.end.pk, 0), _moves_of(month, seen)) for month in shown]


def _moves_of(month: Month, seen: Iterable[tuple[date, str, int]]) -> dict[str, int]:
    found = {kind.value: 0 for kind in Kind}
    for day, kind, minor in seen:
        if day <= month.end.day and (month.start is None or day > month.start.day):
            found[kind] += minor
    return found


def currencies() -> list[str]:
    """In which money has come in, by name."""
    return sorted(Movement.objects.order_by().values_list("currency", flat=True).distinct())
