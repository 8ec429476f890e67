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


WEAK = {
    "ru": "Одни цифры легко угадать", "fr": "Des chiffres seuls se devinent vite", "nl": "Alleen cijfers zijn snel geraden", "uz": "Faqat raqamlar tez topiladi",
}  # fmt: skip


@pytest.mark.parametrize("language", WEAK)
def test_a_weak_password_is_refused_in_the_readers_language(public, language) -> None:
    given = {"email": "a@b.example", "firm": "Oak", "slug": "oak-weak", "password": "12345"}
    page = public.post("/start", given, headers={"accept-language": language}).content.decode()
    assert WEAK[language] in page


def test_an_address_without_a_page_answers_in_the_persons_language(doors) -> None:
    with doors.unit():
        User.objects.update(language="nl")
    client = doors.client()
    assert 'lang="nl"' in client.get("/no-such-page").content.decode()


def test_pages_of_a_firm_are_not_kept_for_the_next_at_the_desk(doors) -> None:
    client = doors.client()
    assert client.get("/board").headers["Cache-Control"] == "private, no-cache"
    assert client.post("/account/logout/").headers["Clear-Site-Data"] == '"cache"'
