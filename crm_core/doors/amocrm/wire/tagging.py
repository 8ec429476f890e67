"""ETag, If-None-Match and If-Match: a record's version as HTTP says it."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import CrmError


class Outdated(CrmError):
    """If-Match names a version that is past."""

    code: ClassVar[str] = "outdated"
    status: ClassVar[int] = 412
    sentence = _("Someone changed this since you read it. Nothing was saved; read it again.")


def tag_of(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def not_modified(request: HttpRequest, tag: str) -> bool:
    """Whether the program has this version already."""
    return tag in parse_etags(request.headers.get("If-None-Match", ""))


def matches(request: HttpRequest, tag: str) -> None:
    """Raise Outdated where the program would overwrite what it has not read."""
    given = request.headers.get("If-Match", "").strip()
    if given and given != "*" and tag not in parse_etags(given):
        raise Outdated
