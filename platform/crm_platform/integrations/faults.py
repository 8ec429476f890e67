"""The last refusals of an integration, for its page: when, where, and the sentence without anything of what was sent."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext

from crm_platform.kernel import clock, versions
from crm_platform.kernel.errors import CrmError, Invalid, TooMany

from .models import Integration

KEPT = 50
_PLAIN_PATH = re.compile(r"[\w/.-]{1,120}", re.ASCII)
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.\[\]]{0,60}", re.ASCII)
_ONE = """
    UPDATE integration SET errors = errors + 1,
        faults = COALESCE((SELECT jsonb_agg(one ORDER BY at) FROM jsonb_array_elements(faults || %s::jsonb) WITH ORDINALITY AS of (one, at) WHERE at > jsonb_array_length(faults) + 1 - %s), '[]')
    WHERE id = %s
"""


def note(pk: int, *, path: str, status: int, code: str, sentence: str, fields: list[str] | None = None) -> None:
    """Keep one; the oldest of more than 50 goes. Inside a unit of the workspace, which must come to its end."""
    one = {"at": clock.real_now().isoformat(timespec="seconds"), "path": path, "status": status, "code": code, "sentence": sentence, "fields": fields or []}
    with versions.quiet(), connection.cursor() as cursor:
        cursor.execute(_ONE, [json.dumps([one]), KEPT, pk])


def note_answer(request: HttpRequest, response: HttpResponse) -> None:
    """What a request of an integration was refused with, if it was. The unit is one of its own: the request's was taken back.

    What went over the budget is counted among the figures, not here: it would be written as often as it is refused.
    """
    refusal: CrmError | None = getattr(request, "refusal", None)
    if isinstance(refusal, TooMany):
        return
    code, sentence = of_refusal(refusal) if refusal is not None else getattr(request, "fault", ("", ""))
    note(request.integration_id, path=path_of(request), status=response.status_code, code=code, sentence=sentence, fields=fields_of(refusal))  # type: ignore[attr-defined]


def is_fault(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a known integration was refused."""
    return response.status_code >= 400 and getattr(request, "integration_id", None) is not None


def path_of(request: HttpRequest) -> str:
    """The method and the address without its query; a pattern in place of what holds more than plain signs."""
    match = request.resolver_match
    path = request.path if _PLAIN_PATH.fullmatch(request.path) else f"/{match.route}" if match is not None else "/…"
    return f"{request.method} {path}"


def of_refusal(refusal: CrmError) -> tuple[str, str]:
    """The code, and the sentence as it is before the facts are filled in: those may be of people. English; told in the reader's language."""
    with translation.override("en"):
        return refusal.code, str(refusal.sentence)


def fields_of(refusal: CrmError | None) -> list[str]:
    """The names of the fields that were refused, where they look like names."""
    named = refusal.fields if isinstance(refusal, Invalid) else {}
    return [name for name in named if _PLAIN_NAME.fullmatch(name)][:10]


def told(integration: Integration) -> list[dict[str, Any]]:
    """The kept ones, newest first, with a sentence in the reader's language; the code where the sentence was all facts."""
    return [{**one, "at": datetime.fromisoformat(one["at"]), "sentence": _told(one)} for one in reversed(integration.faults)]


def _told(one: dict[str, Any]) -> str:
    sentence = re.sub(r"\{\w+\}", "…", gettext(one["sentence"])) if one["sentence"] else ""
    return sentence if sentence.strip("… .") else str(one["code"])
