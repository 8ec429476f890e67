"""SQL read just closely enough for our rules: comments and literals blanked, statements parted, ALTER TABLE taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NOISE = re.compile(
    r"--[^\n]*|/\*.*?\*/"  # comments
    r"|(?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar)"  # the body of a DO or function
    r"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'",
    re.DOTALL,
)
_NAME = r'(?:[\w{}%]+|"[^"]+")'
TABLE = rf"(?P<table>{_NAME}(?:\.{_NAME})?)"
_ALTER = re.compile(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{TABLE}\s+(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def plain(text: str) -> str:
    """The text with literals and comments blanked; identifiers stay as they are."""
    return _NOISE.sub(lambda found: " " if found.group().startswith(("--", "/*")) else "$$" if found.group("dollar") else "''", text)


def parted(text: str, by: str) -> list[str]:
    """A plain text parted at `by` outside of parentheses."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == by and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def statements(text: str) -> list[str]:
    """The statements of a text, plain."""
    return parted(plain(text), ";")


def groups(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Where the pattern stands, the text from there to the end of the parentheses around it."""
    for found in pattern.finditer(text):
        depth = 0
        for place in range(found.start(), len(text)):
            depth += (text[place] == "(") - (text[place] == ")")
            if depth < 0:
                break
        else:
            place = len(text)
        yield text[found.start() : place]


def bare(name: str) -> str:
    """A name without its quotation marks."""
    return name.replace('"', "")


def changes(statement: str) -> tuple[str, list[str]]:
    """The table of an ALTER TABLE and what is done to it; ("", []) for other statements."""
    found = _ALTER.match(statement)
    return (bare(found["table"]), parted(found["rest"], ",")) if found else ("", [])
