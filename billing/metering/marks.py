"""The marks of a limit that are told: 70, 90 and 100 percent."""

from __future__ import annotations

from crm_platform.kernel import jobs

MARKS = (100, 90, 70)
LOOK = "metering.notice"


def mark(value: int, limit: int | None) -> int:
    """The highest mark that a figure has reached; 0 below all, and where there is no limit to speak of."""
    return next((percent for percent in MARKS if limit and value * 100 >= limit * percent), 0)


def look_again() -> None:
    """Leave a look at all figures for after the commit."""
    jobs.later(LOOK, 0, key=LOOK)
