"""Asking the account over there: politely, bounded in time and size, at a checked number, redirects not followed. No database here."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from crm_platform.kernel.errors import Invalid
from webhooks.outbound import addresses, reaching

# Seconds for one question with its answer; bytes of an answer, and of a file.
SECONDS, MOST, MOST_OF_A_FILE = 20.0, 32 * 1024 * 1024, 50 * 1024 * 1024
# The account counts our questions: so many in a second are polite.
PACE = 7
_PAGE = 250
_turns: dict[str, float] = {}
_guard = threading.Lock()


class Trouble(Exception):
    """No good answer: `sentence` says why to people; `again` whether asking later may help, not before `wait` seconds.

    `strange`: what answers is no account at all, a page of a proxy perhaps, so a person has to look.
    """

    def __init__(self, sentence: str, *, again: bool, status: int = 0, wait: float | None = None, strange: bool = False) -> None:
        super().__init__(sentence)
        self.sentence, self.again, self.status, self.wait, self.strange = sentence, again, status, wait, strange


def base_of(typed: str) -> str:
    """Scheme and host of what was typed: a whole address, a host or a subdomain alone. Raises Invalid (field `address`)."""
    text = typed.strip()
    if text and "://" not in text:
        host = text.partition("/")[0]
        text = f"https://{host if '.' in host else f'{host}.amocrm.ru'}"
    try:
        parts = urlsplit(addresses.check(text))
    except Invalid:
        raise Invalid(fields={"address": [_("This is no address of an account on the open internet. It looks like mycompany.amocrm.ru.")]}) from None
    if parts.scheme != "https" and not settings.CRM_HOOKS_TO_LOOPBACK:
        raise Invalid(fields={"address": [_("A token is only sent over https://.")]})
    return f"{parts.scheme}://{parts.netloc}"[:200]


@dataclass(slots=True)
class Account:
    """Who is asked, and with what token; the token is never part of a text."""

    base: str
    token: str = field(repr=False)
    drive: str = ""

    def ask(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """What the API says at a path below /api/v4/; None where it says that there is nothing. Raises Trouble."""
        return self.ask_at(f"{self.base}/api/v4/{path}", query)

    def ask_at(self, url: str, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The same at a whole address: that of the drive."""
        status, said = self._get(url + (f"?{_written(query)}" if query else ""), most=MOST)
        if status in (204, 404) or not said.strip():
            if status == 404:
                raise Trouble(_("No amoCRM answers at this address, or it has no such page: {path}.").format(path=urlsplit(url).path), again=False, status=404)
            return None
        try:
            told = json.loads(said)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Trouble(_("What answers there is no amoCRM: it sent something that is not its API’s JSON."), again=False, strange=True)
        return told

    def file(self, url: str) -> bytes:
        """The bytes of a file, at the account's own addresses alone: the token goes nowhere else. Raises Trouble."""
        if urlsplit(url)[:2] not in (urlsplit(self.base)[:2], urlsplit(self.drive)[:2]):
            raise Trouble(_("The file lies at an address that is not the account’s own."), again=False)
        status, said = self._get(url, most=MOST_OF_A_FILE)
        if status != 200:
            raise Trouble(_("The file is not there any more."), again=False, status=status)
        return said

    def _get(self, url: str, *, most: int) -> tuple[int, bytes]:
        _wait_for_turn(urlsplit(url).netloc)
        status, said, wait = _Question(url, self.token, most).answer()
        if status in (200, 204, 404):
            return status, said
        raise _trouble(status, wait)


def _written(query: Mapping[str, Any]) -> str:
    """A query as the API reads it: brackets stay brackets."""
    pairs = [(name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])]
    return urlencode(pairs, safe="[],", quote_via=quote)


def _wait_for_turn(host: str) -> None:
    with _guard:
        now = time.monotonic()
        mine = max(now, _turns.get(host, 0.0))
        _turns[host] = mine + 1 / PACE
    time.sleep(max(0.0, mine - now))


def _trouble(status: int, wait: float | None) -> Trouble:
    if status == 401:
        return Trouble(_("The account does not accept the token: it is mistyped, has expired, or was revoked."), again=False, status=status)
    if status == 402:
        return Trouble(_("The account over there is not paid, so it tells nothing."), again=False, status=status)
    if status == 403:
        return Trouble(_("The account does not let this token read that. Give the token all rights to read, or wait if it was blocked for asking too much."), again=False, status=status)
    if status == 429:
        return Trouble(_("The account asks us to be slower. The move goes on by itself."), again=True, status=status, wait=wait if wait is not None else 10.0)
    if 300 <= status < 400:
        return Trouble(_("The address leads elsewhere. Type the address that stands in the browser when you are logged in."), again=False, status=status)
    if status >= 500:
        return Trouble(_("The account answers with an error of its own ({status}). The move tries again by itself.").format(status=status), again=True, status=status, wait=wait)
    return Trouble(_("The account refuses what was asked ({status}).").format(status=status), again=False, status=status)


class _Question:
    """One GET. A timer cuts it, so that nobody over there can keep us by sending a letter a second."""

    def __init__(self, url: str, token: str, most: int) -> None:
        self.url, self._token, self._most = url, token, most
        self._socket: socket.socket | None = None
        self._late = False

    def answer(self) -> tuple[int, bytes, float | None]:
        """Status, bytes, and what Retry-After says. Raises Trouble."""
        timer = threading.Timer(SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            return self._ask()
        except addresses.NotOpen:
            raise Trouble(_("This address is of a private network. Only addresses of the open internet are asked."), again=False) from None
        except ssl.SSLError:
            raise self._slow() if self._late else Trouble(_("The certificate of that address is not good, so no token is sent there."), again=False) from None
        except TimeoutError:
            raise self._slow() from None
        except (OSError, http.client.HTTPException, ValueError):
            raise self._slow() if self._late else Trouble(_("Nobody can be reached at that address now."), again=True) from None
        finally:
            timer.cancel()
            self._close()

    def _slow(self) -> Trouble:
        return Trouble(_("The account takes too long to answer. The move tries again by itself."), again=True)

    def _ask(self) -> tuple[int, bytes, float | None]:
        to = reaching.target_of(self.url)
        self._socket = reaching.connected(to, left=lambda: SECONDS / 2)
        if to.secure:
            self._socket = reaching.secured(self._socket, to)
        connection = reaching.speaking(self._socket, to)
        headers = {"Host": to.named, "Authorization": f"Bearer {self._token}", "Accept": "application/json, application/hal+json, */*", "User-Agent": "Kartoteka", "Connection": "close"}
        connection.request("GET", to.path, headers=headers)
        with closing(connection.getresponse()) as answer:
            said = answer.read(self._most + 1)
        if self._late:
            raise TimeoutError
        if len(said) > self._most:
            raise Trouble(_("An answer of the account is larger than we take."), again=False)
        return answer.status, said, _seconds(answer.headers.get("Retry-After"))

    def _cut(self) -> None:
        self._late = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds, an hour at most; None where it says none."""
    return min(float(text), 3600.0) if text is not None and text.strip().isdecimal() and len(text) < 9 else None


def page(told: Mapping[str, Any] | None, name: str) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a page and whether another follows; whatever has another shape is taken as nothing."""
    embedded = (told or {}).get("_embedded")
    rows = embedded.get(name) if isinstance(embedded, dict) else None
    links = (told or {}).get("_links")
    more = isinstance(links, dict) and bool(links.get("next"))
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else [], more
