"""The state for programs: an owner's token reads it, nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.dateparse import parse_datetime

from crm_core.people.contacts import services as contacts
from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

from .kit import DAY0, OWNER, at, buys, put

ADDRESS = "/api/billing/state"


def read(door, *, email: str = OWNER):
    with door.unit():
        token = tokens.make_api_token(User.objects.get(email=email), name="state")
    return door.client(email=None).get(ADDRESS, HTTP_AUTHORIZATION=f"Bearer {token}")


def test_a_trial_says_what_it_is(doors) -> None:
    with doors.unit():
        contacts.create_contact(robot("test"), first_name="Anna")
    body = read(doors).json()
    assert (body["state"], body["access"], body["plan"], body["version"]) == ("trial", "full", "business", 1)
    assert body["seats"] == {"bought": 10, "used": 1, "pending": 0}
    assert body["limits"]["contacts"] == {"limit": 500_000, "ceiling": 550_000, "used": 1}
    assert body["limits"]["pipelines"]["limit"] is None
    assert not {"mailings", "automation", "api_rate"} & set(body["limits"])
    assert body["past_due_since"] is None
    changes = parse_datetime(body["next_change_at"])
    assert changes is not None
    assert timedelta(days=20) < changes - clock.now() < timedelta(days=22)


@pytest.mark.parametrize(
    ("days", "state", "level", "changes"),
    [(3, "past_due", "full", 15), (20, "limited", "read", 45), (60, "frozen", "owner", 225), (230, "delete_scheduled", "owner", 255)],
)
def test_an_unpaid_one_says_how_far_it_went_and_what_comes(doors, days: int, state: str, level: str, changes: int) -> None:
    buys(doors, seats=5)
    with at(0):
        put(doors, past_due_since=DAY0)
    with at(days):
        body = read(doors).json()
    assert (body["state"], body["access"], body["plan"], body["seats"]["bought"]) == (state, level, "team", 5)
    assert parse_datetime(body["past_due_since"]) == DAY0
    assert parse_datetime(body["next_change_at"]) == DAY0 + timedelta(days=changes)
    assert parse_datetime(body["now"]) == DAY0 + timedelta(days=days)


def test_only_an_owner_reads_it(doors, make_door) -> None:
    with doors.unit():
        people = cast()
        emails = {name: User.objects.get(pk=actor.user_id).email for name, actor in people.items()}
    for name, email in emails.items():
        assert read(doors, email=email).status_code == (200 if name == "owner" else 403), name
    stranger = doors.client(email=None)
    assert stranger.get(ADDRESS).status_code == 401
    assert stranger.get(ADDRESS, HTTP_AUTHORIZATION="Bearer x.y").status_code == 401
    other = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    with other.unit():
        token = tokens.make_api_token(User.objects.get(email="eve@elsewhere.example"), name="state")
    assert stranger.get(ADDRESS, HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
    with doors.unit():
        own = tokens.make_api_token(User.objects.get(email=OWNER), name="state")
    assert stranger.post(ADDRESS, {}, HTTP_AUTHORIZATION=f"Bearer {own}").status_code == 405
