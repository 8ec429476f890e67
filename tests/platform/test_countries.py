"""The names of countries: each has one in every language, and stands where one looks for it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import translation

from crm_platform.kernel import countries


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_country_has_a_name_in_every_language(language: str) -> None:
    with translation.override(language):
        found = dict(countries.choices())
    assert found.keys() == countries.CODES
    assert [code for code, name in found.items() if name == code] == []


def test_names_are_in_the_language_of_the_moment_and_in_its_order() -> None:
    with translation.override("ru"):
        assert countries.name_of("NL") == "Нидерланды"
    with translation.override("en"):
        assert countries.name_of("NL") == "Netherlands"
        assert countries.name_of("ZZ") == "ZZ"
        names = [name for _code, name in countries.choices()]
    assert names[:3] == ["Afghanistan", "Åland Islands", "Albania"]
