"""What stands in a request of a stranger: JSON, a form, a plain text; made into what the database can hold, and never refused for its words."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.held.services import LARGEST, LeadTooLarge
from crm_platform.kernel.errors import CrmError, Invalid
from crm_platform.kernel.reading import without_nul

MOST_FILES, LARGEST_FILE = 5, 10 * 1024 * 1024
# Deeper than anybody nests a form; what is deeper is a text.
_DEEPEST = 12


class NoJson(CrmError):
    """A body that says it is JSON and is none."""

    code, status = "unreadable", 400
    sentence = _("This is not JSON: {why}.")


def read(request: HttpRequest) -> Any:
    """What was said: an object, a list or a text. Raises NoJson, LeadTooLarge, Invalid for what is empty."""
    kind = request.content_type or ""
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        said: Any = _form(request)
    else:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            raise LeadTooLarge(most=LARGEST)
        said = _text(request.body, kind)
    if not said and not request.FILES:
        raise Invalid(fields={"body": [_("Nothing was sent.")]})
    return said


def _form(request: HttpRequest) -> dict[str, Any]:
    said = {plain(name)[:200]: [plain(value) for value in values] if len(values) > 1 else plain(values[0]) for name, values in request.POST.lists() if values}
    if sum(len(str(value)) for value in said.values()) > LARGEST:
        raise LeadTooLarge(most=LARGEST)
    return said


def _text(body: bytes, kind: str) -> Any:
    if len(body) > LARGEST:
        raise LeadTooLarge(most=LARGEST)
    text = body.decode(errors="replace").lstrip("\ufeff").strip()
    if "json" not in kind and not text.startswith(("{", "[")):
        return {"message": plain(text)} if text else {}
    try:
        # Figures stay as they were written: infinities and endless numbers are texts to the database.
        return holdable(json.loads(text, parse_float=str, parse_constant=str))
    except (ValueError, RecursionError) as error:
        raise NoJson(why=str(error)[:200]) from None


def holdable(value: Any, *, depth: int = 0) -> Any:
    """A value of JSON as PostgreSQL keeps it: no NUL, no half a sign, no endless depth."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    if depth >= _DEEPEST and isinstance(value, (dict, list)):
        return plain(json.dumps(value))[:5000]
    if isinstance(value, dict):
        return {plain(key)[:200]: holdable(one, depth=depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [holdable(one, depth=depth + 1) for one in value]
    return value


def plain(text: str) -> str:
    """A text without what no column holds."""
    return without_nul(text).encode("utf-8", "replace").decode("utf-8")


def files_of(request: HttpRequest) -> list[UploadedFile[Any]]:
    """The files, within their bounds. Raises Invalid."""
    found = [file for name in request.FILES for file in request.FILES.getlist(name) if file.size]
    if len(found) > MOST_FILES:
        raise Invalid(fields={"files": [str(_("At most {most} files.")).format(most=MOST_FILES)]})
    for file in found:
        if (file.size or 0) > LARGEST_FILE:
            raise Invalid(fields={"files": [str(_("“{name}” is larger than 10 MB.")).format(name=str(file.name)[:80])]})
    return found
