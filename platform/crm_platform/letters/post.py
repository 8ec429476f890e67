"""Writing and sending letters.

A letter's template is plain text: its first line is the subject, a line that is an address alone becomes a button.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Lease

from .models import Letter

_unsent: ContextVar[bool] = ContextVar("letters_unsent", default=False)


def write(to: str, template: str, *, language: str, **context: Any) -> Letter:
    """Render `letters/<template>.txt` in the reader's language and leave it to be sent after the commit."""
    with translation.override(language):
        place = workspace.current()
        facts = {"firm": place.name if place else "", "home": workspace.url("/"), **context}
        subject, _, text = render_to_string(f"letters/{template}.txt", facts).strip().partition("\n")
        return keep(to, subject=subject, text=text.strip(), language=language)


def keep(to: str, *, subject: str, text: str, language: str = "en") -> Letter:
    """Leave a letter of finished words to be sent after the commit."""
    blocks = [_block(lines) for lines in text.split("\n\n") if lines.strip()]
    html = render_to_string("letters/letter.html", {"subject": subject, "blocks": blocks, "language": language})
    letter = Letter.objects.create(to=to, subject=subject.strip()[:250], text=text, html=html)
    if not _unsent.get():
        jobs.later("letters.send", letter.pk)
    return letter


@contextmanager
def unsent() -> Iterator[None]:
    """Letters written in the block stay where they are: their readers are invented."""
    token = _unsent.set(True)
    try:
        yield
    finally:
        _unsent.reset(token)


def _block(lines: str) -> dict[str, str]:
    text = lines.strip()
    alone = text.startswith(("http://", "https://")) and " " not in text and "\n" not in text
    return {"url": text} if alone else {"text": text}


@jobs.register("letters.send", kind=jobs.Kind.PROMPT)
def send(pk: int, *, lease: Lease) -> Again | None:
    """Hand one letter to the mail server, outside of any transaction; then drop its words."""
    place = workspace.current()
    with _unit(place):
        letter = Letter.objects.filter(pk=pk, sent_at=None).first()
    if letter is None:
        return None
    message = EmailMultiAlternatives(letter.subject, letter.text, settings.DEFAULT_FROM_EMAIL, [letter.to])
    message.attach_alternative(letter.html, "text/html")
    message.send()
    with _unit(place):
        lease.beat()
        Letter.objects.filter(pk=pk).update(sent_at=clock.real_now(), text="", html="")
    return None


def _unit(place: workspace.Place | None) -> Any:
    return sides.unit(place) if place is not None else sides.control_unit()
