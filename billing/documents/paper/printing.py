"""Setting a document on paper and keeping its bytes. A second time gives the same bytes, whatever has changed since."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import typst
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import translation

from billing.documents.models import Invoice
from crm_platform.db import sides
from crm_platform.kernel.errors import NotFound, Unavailable

from .wording import wording

_log = logging.getLogger("kartoteka.billing")
_HERE = Path(__file__).parent


def set_on_paper(row: Invoice, *, picture: bool = False, language: str = "") -> bytes:
    """The document as PDF, or its first page as a picture; in its own language, or another. Reads nothing but the row."""
    with translation.override(language or row.language):
        data = json.dumps(wording(row), ensure_ascii=False).replace("ʻ", "‘")  # the typeface has no U+02BB, and draws U+2018 as it should be
    more: dict[str, Any] = {"format": "png", "ppi": 110} if picture else {}
    pages = typst.compile(str(_HERE / "paper.typ"), font_paths=[str(_HERE / "fonts")], ignore_system_fonts=True, sys_inputs={"data": data}, **more)
    return bytes(pages[0] if isinstance(pages, list) else pages)


def pdf_of(public_id: str, *, account_id: int, language: str = "") -> bytes:
    """The bytes of an account's document, made the first time; for a reader of another language the same is set in that one. Opens units of its own.

    Raises NotFound for another account's, a draft, a provider's credit note (its own paper is at `pdf_url`), or its bill that is not paid.
    """
    with sides.control_unit():
        row = Invoice.objects.select_related("corrects", "bill").filter(public_id=public_id, account_id=account_id).first()
    if row is None or not row.has_paper:
        raise NotFound
    if language and language != row.language:
        return set_on_paper(row, language=language)
    return _kept(row) if row.file else _made(row)


def _made(row: Invoice) -> bytes:
    made = set_on_paper(row)
    with sides.outside():
        name = default_storage.save(f"control/documents/{row.public_id}.pdf", ContentFile(made))
    with sides.control_unit():
        ours = Invoice.objects.filter(pk=row.pk, file="").update(file=name, sha256=hashlib.sha256(made).hexdigest())
        row.refresh_from_db(fields=["file", "sha256"])
    if ours:
        return made
    with sides.outside():
        default_storage.delete(name)  # another was quicker: theirs is the document
    return _kept(row)


def _kept(row: Invoice) -> bytes:
    try:
        with sides.outside(), default_storage.open(row.file) as file:
            found = bytes(file.read())
    except FileNotFoundError as error:
        _log.exception("a document's file is gone", extra={"document": row.public_id})
        raise Unavailable from error
    if hashlib.sha256(found).hexdigest() != row.sha256:
        _log.error("a document's file is not what was issued", extra={"document": row.public_id})
        raise Unavailable
    return found
