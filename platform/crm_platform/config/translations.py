"""Sentences and their translations: collected from code and templates, compared with the catalogues of four languages.

The catalogues are plain gettext files under `crm_platform/locale`; English is in the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOTS = ("platform", "tenants", "billing", "webhooks", "crm_core")
LANGUAGES = ("ru", "fr", "nl", "uz")
_PYTHON = frozenset({"_", "gettext", "gettext_lazy", "gettext_noop", "_now", "ngettext", "ngettext_lazy"})
_JS_LIKE = re.compile(r"\b(gettext|ngettext|pgettext)\(")
Sentence = tuple[str, str | None]


def sentences() -> set[Sentence]:
    """Every sentence of ours: (singular, plural or None)."""
    found: set[Sentence] = set()
    for root in ROOTS:
        for path in Path(settings.ROOT, root).rglob("*.py"):
            if "migrations" not in path.parts and "their_migrations" not in path.parts:
                found.update(_of_python(path.read_text(encoding="utf-8")))
        for path in Path(settings.ROOT, root).rglob("templates/**/*"):
            if path.suffix in (".html", ".txt"):
                found.update(_of_python(_as_python(templatize(path.read_text(encoding="utf-8"), origin=str(path)))))
    return found


def _as_python(text: str) -> str:
    """Django's template extraction writes X for everything but calls; keep the calls, one a line."""
    calls = []
    for match in _JS_LIKE.finditer(text):
        depth, at = 0, match.end() - 1
        while True:
            letter = text[at]
            if letter in "\"'":
                at = _past_string(text, at)
                continue
            depth += letter == "("
            depth -= letter == ")"
            at += 1
            if not depth:
                break
        calls.append(text[match.start() : at].replace("\n", " "))
    return "\n".join(calls)


def _past_string(text: str, at: int) -> int:
    quote = text[at]
    at += 1
    while text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _of_python(source: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        texts = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
        if name in _PYTHON and texts and texts[0]:
            yield (texts[0], texts[1]) if name.startswith("ngettext") and len(texts) > 1 else (texts[0], None)


def path_of(language: str) -> Path:
    """The catalogue of a language."""
    return Path(settings.LOCALE_PATHS[0], language, "LC_MESSAGES", "django.po")


def missing() -> str:
    """What is not translated, language by language; empty when all four are complete."""
    wanted, lines = sentences(), []
    for language in LANGUAGES:
        path = path_of(language)
        known = polib.pofile(str(path)) if path.exists() else []
        done = {entry.msgid for entry in known if entry.translated() and "fuzzy" not in entry.flags}
        lacking = sorted(singular for singular, _plural in wanted if singular not in done)
        if lacking:
            shown = "; ".join(lacking[:5])
            lines.append(f"{language}: {len(lacking)} of {len(wanted)} sentences are not translated: {shown[:500]}")
        lines.extend(_broken(language, known, wanted))
    return "\n".join(lines)


_PLACE = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


def _broken(language: str, known: object, wanted: set[Sentence]) -> Iterator[str]:
    """Translations whose placeholders differ from the sentence's: they would fail before people."""
    mine = {singular for singular, _plural in wanted}
    for entry in known:  # type: ignore[attr-defined]
        if entry.msgid not in mine:
            continue
        asked = set(_PLACE.findall(entry.msgid)) | set(_PLACE.findall(entry.msgid_plural or ""))
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            if text and not set(_PLACE.findall(text)) <= asked:
                yield f"{language}: other placeholders in “{entry.msgid[:60]}”"
