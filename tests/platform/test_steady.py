"""Tags whose answer is kept: the same as Django's own, in every language, for every kind of argument."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.template import engines
from django.urls import NoReverseMatch, reverse, set_urlconf
from django.utils import translation

pytestmark = pytest.mark.usefixtures("workspace_addresses")


def _drawn(source: str, **given: object) -> str:
    return engines["django"].from_string(source).render(given)


def _kinds(source: str) -> list[str]:
    return [type(node).__name__ for node in engines["django"].from_string(source).template.nodelist]


def test_words_follow_the_language_each_time() -> None:
    template = engines["django"].from_string('{% translate "Lost" %}')
    for _again in range(2):
        for language in ("en", "fr", "nl", "en"):
            with translation.override(language):
                assert template.render({}) == translation.gettext("Lost")
    with translation.override("fr"):
        assert template.render({}) != "Lost"


def test_what_depends_on_something_stays_django_s_own() -> None:
    assert _kinds('{% translate "Lost" %}{% trans "Lost" %}{% url "imports" %}{% url "deal" pk %}') == ["FixedWords", "FixedWords", "FixedAddress", "FixedAddress"]
    assert _kinds('{% translate word %}{% translate "May" context "month" %}{% translate "Lost" as lost %}{% translate "Lost"|upper %}') == ["TranslateNode"] * 4
    assert _kinds('{% url name %}{% url "imports" as there %}{% url "deal" pk=pk %}') == ["URLNode"] * 3
    assert _drawn('{% translate "Lost" as lost %}<{{ lost }}>') == "<Lost>"
    assert _drawn("{% translate word %}", word="<b>") == "&lt;b&gt;"
    assert _drawn('{% translate "100%" %}') == "100%"


def test_addresses_are_the_same_as_ever() -> None:
    assert _drawn('{% url "deal" pk %}{% url "deal" pk %}', pk=7) == "/deals/7/deals/7"
    assert _drawn('{% url "deal" pk %}', pk="7") == "/deals/7"
    assert _drawn('{% url "imports" %}') == "/imports"
    for wrong in ('{% url "no-such-page" %}', '{% url "no-such-page" 7 %}', '{% url "deal" %}', '{% url "deal" "seven" %}', '{% url "deal" nothing %}'):
        with pytest.raises(NoReverseMatch):
            _drawn(wrong)
    set_urlconf(settings.OPERATOR_URLCONF)
    with pytest.raises(NoReverseMatch):
        _drawn('{% url "deal" pk %}', pk=7)
    set_urlconf(None)
    assert _drawn('{% url "start" %}') == reverse("start")


def test_signs_are_drawn_once_where_they_are_named() -> None:
    assert _kinds('{% icon "plus" %}{% icon "plus" "sm" "quiet" %}{% icon name %}{% icon "plus" size %}') == ["FixedSign", "FixedSign", "Sign", "Sign"]
    assert _drawn('{% icon "plus" "sm" %}{% icon name "sm" %}', name="plus").count('#i-plus"') == 2
    assert _drawn("{% icon name %}", name='"><b>').count("<b>") == 0
