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
_JS_LIKE = re.compile(r"(?<!\w)(gettext|ngettext|pgettext|_)\(")
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
        if path.exists() and _compiled(path) != {entry.msgid: entry.msgstr or dict(entry.msgstr_plural) for entry in known}:
            lines.append(f"{language}: the compiled catalogue is older than the text; run bin/crm translations")
    return "\n".join(lines)


def _compiled(path: Path) -> dict[str, object]:
    """What the compiled catalogue beside a text one says."""
    compiled = path.with_suffix(".mo")
    if not compiled.exists():
        return {}
    return {entry.msgid: entry.msgstr or dict(entry.msgstr_plural) for entry in polib.mofile(str(compiled))}


def write() -> dict[str, int]:
    """Add new sentences to the four catalogues, drop those nobody says any more, compile; language → what is missing."""
    wanted, lacking = dict(sentences()), {}
    for language in LANGUAGES:
        path = path_of(language)
        catalogue = polib.pofile(str(path), wrapwidth=0)
        known = {entry.msgid: entry for entry in catalogue}
        for entry in [entry for msgid, entry in known.items() if msgid not in wanted]:
            catalogue.remove(entry)
        forms = int(re.search(r"nplurals=(\d)", catalogue.metadata["Plural-Forms"]).group(1))  # type: ignore[union-attr]  # our own head
        for singular, plural in sorted(wanted.items(), key=lambda pair: pair[0]):
            if singular not in known:
                catalogue.append(polib.POEntry(msgid=singular, msgid_plural=plural or "", msgstr_plural=dict.fromkeys(range(forms), "") if plural else {}))
        catalogue.save(str(path))
        catalogue.save_as_mofile(str(path.with_suffix(".mo")))
        lacking[language] = len(catalogue.untranslated_entries())
    return lacking


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
