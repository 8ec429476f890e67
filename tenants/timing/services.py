"""Reading and moving business time. Sessions, tokens and leases go by the world's time, whatever is done here."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError, Invalid, Unavailable

from .models import MovedClock

_log = logging.getLogger("kartoteka.clock")
# Seconds for which a process believes what it read; the promise is one second.
BELIEVED = 0.8
FARTHEST = timedelta(days=40 * 366)
_ASKED: LiteralString = "SELECT ahead FROM control.moved_clock WHERE id = 1"


class ClockStands(CrmError):
    """In production nobody moves the time."""

    code, status = "clock_stands", 403
    sentence = _("Business time is not moved in production.")


class StandInSilent(Unavailable):
    """The stand-in payment service did not take the time over: nothing was moved."""

    code = "stand_in_silent"
    sentence = _("The stand-in payment service at {base} did not take the time over ({why}). Nothing was moved.")


class _Reader:
    """The offset as this process believes it, by a connection of its own: a read must neither join nor disturb the transaction of whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._ahead, self._read_at = timedelta(0), 0.0

    def ahead(self) -> timedelta:
        if time.monotonic() - self._read_at > BELIEVED and self._lock.acquire(blocking=self._read_at == 0.0):
            try:
                self._ahead, self._read_at = self._ask(), time.monotonic()
            finally:
                self._lock.release()
        return self._ahead

    def forget(self) -> None:
        self._read_at = 0.0

    def close(self) -> None:
        """Let its connection go; the next question makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> timedelta:
        """What was believed before, where the database does not answer."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = _connect()
            row = self._connection.execute(_ASKED).fetchone()
        except psycopg.Error as error:
            _log.warning("the business clock cannot be read", extra={"error": str(error).strip()})
            self.close()
            return self._ahead
        return timedelta(microseconds=row[0]) if row else timedelta(0)


_reader = _Reader()


def _connect() -> psycopg.Connection[Any]:
    login = settings.DATABASES[sides.CONTROL]
    given = {"dbname": login["NAME"], "user": login["USER"], "password": login["PASSWORD"], "host": login["HOST"], "port": login["PORT"]}
    return psycopg.connect(**{name: value for name, value in given.items() if value}, connect_timeout=2, autocommit=True, application_name="kartoteka clock", prepare_threshold=None)


def may_move() -> bool:
    """Whether business time can be moved here at all."""
    return bool(settings.CRM_CLOCK_MOVES)


def ahead() -> timedelta:
    """Answer to `kernel.clock`: how far business time is ahead of the world's."""
    return _reader.ahead()


def forget() -> None:
    """Read anew at the next question."""
    _reader.forget()


def put(moment: datetime | None) -> datetime:
    """Let business time be `moment` now, and go on from there; None: the world's time again. The stand-in first: business time never runs ahead of what it bills.

    Raises ClockStands, Invalid, StandInSilent; then nothing was moved. Opens a control unit.
    """
    if not may_move():
        raise ClockStands
    before = clock.real_now()
    offset = timedelta(0) if moment is None else moment - before
    if abs(offset) > FARTHEST:
        raise Invalid(fields={"moment": [_("That is too far away.")]})
    _tell_stand_in(None if moment is None else before + offset)
    with sides.control_unit():
        MovedClock.objects.update_or_create(pk=1, defaults={"ahead": offset // timedelta(microseconds=1), "moved_at": clock.real_now()})
    forget()
    return clock.now()


def _tell_stand_in(moment: datetime | None) -> None:
    base = getattr(settings, "STRIPE_API_BASE", "")  # the payment adapter's setting
    if not base or urlsplit(base).hostname == "api.stripe.com":
        return
    parts = urlsplit(base)
    address = urlunsplit((parts.scheme, parts.netloc, "/_ctl/clock", "", ""))
    body = json.dumps({"real": True} if moment is None else {"now": int(moment.timestamp())}).encode()
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"}, method="POST")  # noqa: S310 (our own stand-in's address)
    try:
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 (as above)
            return
    except (urllib.error.URLError, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        if moment is None:  # back to the world's time one always comes
            _log.warning("the stand-in's clock was not put back", extra={"error": str(error)})
            return
        raise StandInSilent(base=base, why=str(error)) from error
