"""Reading the letters of the mailbox folder."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

_NAME = re.compile(r"\d{20}-[0-9a-z]{8}\Z")


@dataclass(frozen=True, slots=True)
class Letter:
    """One outgoing letter as people and tests read it; `name` is its file's name without the ending."""

    name: str
    sender: str
    to: str
    subject: str
    at: datetime
    text: str


def all_letters(*, to: str = "", offset: int = 0, count: int = 50) -> tuple[list[Letter], int]:
    """A page of letters, newest first, and how many there are; `to` keeps those to one address."""
    names = sorted((path.stem for path in _folder().glob("*.eml")), reverse=True)
    if not to:
        return [read(name) for name in names[offset : offset + count]], len(names)
    found = [letter for letter in (read(name) for name in names[:500]) if to.lower() in letter.to.lower()]
    return found[offset : offset + count], len(found)


def read(name: str) -> Letter:
    """One letter; raises FileNotFoundError for a name that is none."""
    if not _NAME.match(name):
        raise FileNotFoundError(name)
    message = email.message_from_bytes((_folder() / f"{name}.eml").read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 (the policy makes it one)
    body = message.get_body(preferencelist=("plain", "html"))
    return Letter(
        name=name,
        sender=str(message["from"]),
        to=str(message["to"]),
        subject=str(message["subject"]).strip(),
        at=datetime.fromtimestamp(int(name[:20]) / 1e9, UTC),
        text=body.get_content() if body is not None else "",
    )


def delete_all() -> int:
    """Empty the mailbox; returns how many letters there were."""
    paths = list(_folder().glob("*.eml"))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def _folder() -> Path:
    return Path(settings.CRM_MAILBOX)
