"""Every page speaks all five languages; the workspace of a Russian founder begins in Russian."""

from __future__ import annotations

import pytest

from crm_platform.accounts.models import User
from tests.flows.test_pages import PAGES

HEADINGS = {"en": "My day", "ru": "Мой день", "fr": "Ma journée", "nl": "Mijn dag", "uz": "Mening kunim"}


@pytest.mark.parametrize("language", HEADINGS)
def test_every_page_answers_in_the_persons_language(doors, language) -> None:
    with doors.unit():
        User.objects.update(language=language)
    client = doors.client()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        if "as-one-types" not in path:
            assert f'lang="{language}"' in answer.content.decode(), path
    assert HEADINGS[language] in client.get("/board").content.decode()


@pytest.mark.parametrize("language", HEADINGS)
def test_the_site_speaks_the_browsers_language(public, language) -> None:
    for path in ("/", "/prices", "/start", "/find", "/terms", "/privacy"):
        answer = public.get(path, headers={"accept-language": language})
        assert answer.status_code == 200
        assert f'<html lang="{language}"' in answer.content.decode()


def test_a_choice_of_language_is_kept(public) -> None:
    public.post("/language", {"language": "nl", "next": "/prices"})
    assert "Prijzen" in public.get("/prices").content.decode()
