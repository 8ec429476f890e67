"""Passwords are kept by Argon2id, and what was kept before still opens the door."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, make_password

from crm_platform.accounts.models import User
from crm_platform.config.settings import base

PASSWORD = "a long winter coat"


@pytest.fixture(autouse=True)
def as_served(settings) -> None:
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS


def test_a_password_is_kept_by_argon2id() -> None:
    kept = make_password(PASSWORD)
    assert kept.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(kept) <= User._meta.get_field("password").max_length
    assert check_password(PASSWORD, kept)
    assert not check_password("another coat", kept)


def test_one_of_the_time_before_opens_the_door_and_is_kept_anew() -> None:
    before, again = make_password(PASSWORD, hasher="pbkdf2_sha256"), []
    assert check_password(PASSWORD, before, again.append)
    assert again == [PASSWORD]
    assert not check_password("another coat", before, again.append)
    assert again == [PASSWORD]


def test_what_is_kept_today_is_not_kept_anew() -> None:
    kept = make_password(PASSWORD)
    assert identify_hasher(kept) is not None
    assert not get_hasher().must_update(kept)
