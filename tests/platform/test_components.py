"""Components that are drawn once: the same attributes give the same markup, and nobody else's."""

from __future__ import annotations

from typing import Any

from django.template import Context, Template
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from crm_platform.ui import components


def _drawn(source: str, **values: Any) -> str:
    return Template("{% load ui %}" + source).render(Context(values))


def test_a_safe_text_and_an_unsafe_one_are_not_taken_for_each_other() -> None:
    for _again in range(2):
        assert "<b>" in _drawn("{% badge label=word %}", word=mark_safe("<b>"))
        assert "&lt;b&gt;" in _drawn("{% badge label=word %}", word="<b>")


def test_numbers_that_are_equal_are_not_taken_for_each_other() -> None:
    assert ">True<" in _drawn("{% badge label=word %}", word=True)
    assert ">1<" in _drawn("{% badge label=word %}", word=1)


def test_each_language_has_its_own() -> None:
    found = set()
    for language in ("en", "ru", "en"):
        with translation.override(language):
            found.add(_drawn("{% usage_bar label='a' used='3' limit=None %}"))
    assert len(found) == 2


def test_what_was_kept_in_one_language_is_found_in_another() -> None:
    with translation.override("ru"):
        _drawn("{% badge label=word %}", word=gettext_lazy("Free"))
    assert [components._kept.pieces[key] for key in list(components._kept.pieces)]


def test_what_shows_a_secret_is_not_kept() -> None:
    _drawn("{% copyable value='a-secret-of-a-test' %}")
    assert not any("a-secret-of-a-test" in html for html in components._kept.pieces.values())


def test_a_value_that_cannot_be_a_key_is_drawn_all_the_same() -> None:
    assert "[1]" in _drawn("{% badge label=word %}", word=[1])
