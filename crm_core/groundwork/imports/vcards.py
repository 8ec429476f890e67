"""Address books (vCard 2.1, 3.0 and 4.0) as tables."""

from __future__ import annotations

import quopri
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from .broken import Broken

LONGEST = 2_000_000
HEAD = ("Name", "First name", "Last name", "Company", "Position", "Phone", "Phone 2", "Phone 3", "E-mail", "E-mail 2", "Street", "City", "Region", "Postcode", "Country", "Site", "Birthday", "Note")


def rows(path: Path, encoding: str) -> Iterator[list[str]]:
    """One row a card; a card without an end is a broken row."""
    yield list(HEAD)
    with path.open("rb") as file:
        card: dict[str, str] | None = None
        for line in _unfolded(file, encoding):
            upper = line.upper()
            if upper.startswith("BEGIN:VCARD"):
                if card is not None:
                    yield _cut_off(card)
                card = {}
            elif upper.startswith("END:VCARD") and card is not None:
                yield [card.get(name, "") for name in HEAD]
                card = None
            elif card is not None:
                _take_line(card, line)
        if card is not None:
            yield _cut_off(card)


def _cut_off(card: dict[str, str]) -> Broken:
    return Broken([card.get(name, "") for name in HEAD], _("This card has no end: the file is cut off here."))


def _unfolded(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines with their continuations (RFC 6350, 3.2; quoted-printable soft breaks of version 2.1)."""
    held = _Held("")
    for raw in file:
        line = raw.decode(encoding, errors="replace").rstrip("\r\n")
        if line[:1] in (" ", "\t") and held.filled:
            held.add(line[1:])
        elif held.soft:
            held.add(line, instead_of_sign=True)
        else:
            if held.filled:
                yield held.text()
            held = _Held(line)
    if held.filled:
        yield held.text()


class _Held:
    """A line that may go on: gathered in pieces, since a hostile file goes on for millions; beyond what can be kept it is let go."""

    def __init__(self, line: str) -> None:
        self._pieces, self._length, self._quoted = [line], len(line), "QUOTED-PRINTABLE" in line[:500].upper()

    @property
    def filled(self) -> bool:
        return bool(self._length)

    @property
    def soft(self) -> bool:
        """Whether it ends in the sign by which quoted-printable goes on."""
        return self._quoted and self._pieces[-1].endswith("=")

    def add(self, line: str, *, instead_of_sign: bool = False) -> None:
        if instead_of_sign:
            self._pieces[-1] = self._pieces[-1][:-1]
        if self._length < LONGEST:
            self._pieces.append(line)
            self._length += len(line)
        else:
            self._pieces[-1] = line[-1:]

    def text(self) -> str:
        return "".join(self._pieces)[:LONGEST]


def _take_line(card: dict[str, str], line: str) -> None:
    head, _colon, value = line.partition(":")
    name, *params = head.split(";")
    name = name.rpartition(".")[2].upper()
    if any(param.upper().endswith("QUOTED-PRINTABLE") for param in params):
        value = quopri.decodestring(value.encode("latin-1", errors="replace")).decode("utf-8", errors="replace")
    parts = [_plain(part) for part in _split(value)]
    if name == "FN":
        card["Name"] = _plain(value)
    elif name == "N":
        card["Last name"], card["First name"] = [*parts, "", ""][:2]
    elif name == "ORG":
        card["Company"] = parts[0]
    elif name == "ADR":
        _office, _more, card["Street"], card["City"], card["Region"], card["Postcode"], card["Country"] = [*parts, *[""] * 7][:7]
    elif name in ("TEL", "EMAIL"):
        _add(card, ("Phone", "Phone 2", "Phone 3") if name == "TEL" else ("E-mail", "E-mail 2"), _plain(value).removeprefix("tel:"))
    elif name in _SIMPLE:
        card.setdefault(_SIMPLE[name], _plain(value))


_SIMPLE = {"TITLE": "Position", "URL": "Site", "BDAY": "Birthday", "NOTE": "Note"}


def _add(card: dict[str, str], names: Sequence[str], value: str) -> None:
    """The next free column; beyond the last, several stand in one cell."""
    free = next((name for name in names if not card.get(name)), None)
    if free is not None:
        card[free] = value
    elif value:
        card[names[-1]] += f"; {value}"


def _split(value: str) -> list[str]:
    return value.replace("\\;", "\x01").split(";")


def _plain(text: str) -> str:
    return text.replace("\x01", ";").replace("\\,", ",").replace("\\;", ";").replace("\\n", "\n").replace("\\N", "\n").replace("\\\\", "\\").strip()
