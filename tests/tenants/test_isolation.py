"""One workspace cannot reach another: the database refuses, and every address answers 404 to the other's ids."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import ProgrammingError, connection
from django.urls import URLPattern, URLResolver, get_resolver

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.products import services as products
from crm_platform.accounts import services as accounts
from crm_platform.accounts import tokens
from crm_platform.accounts.models import Role, User
from crm_platform.events.models import Event
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.permissions import robot
from tenants.lifecycle import states, suspending, telling

ROBOT = robot("test")


def test_a_raw_query_naming_anothers_table_is_refused_by_the_database(two_doors) -> None:
    mine, other = two_doors
    with other.unit():
        contacts.create_contact(ROBOT, first_name="Secret")
    for statement in (f'SELECT * FROM "{other.place.schema}".contact', "SELECT * FROM control.workspace", f'UPDATE "{other.place.schema}".contact SET first_name = \'x\''):
        with pytest.raises(ProgrammingError, match="permission denied"), mine.unit(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_same_inside_a_real_request(two_doors, monkeypatch) -> None:
    mine, other = two_doors
    from crm_core.groundwork.search import queries

    def reach_across(*_given, **_named):
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{other.place.schema}".contact')

    monkeypatch.setattr(queries, "find", reach_across)
    answer = mine.client().get("/search?q=secret")
    assert answer.status_code == 500
    assert b"Secret" not in answer.content


def test_taking_anothers_role_is_refused(two_doors) -> None:
    mine, _other = two_doors
    with pytest.raises(ProgrammingError, match="permission denied"), mine.unit(), connection.cursor() as cursor:
        cursor.execute("RESET ROLE; SET LOCAL ROLE control")


def routes() -> Iterator[tuple[str, list[str]]]:
    """Every address of a workspace's host with a number in it."""

    def walk(patterns, prefix: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
            elif isinstance(pattern, URLPattern):
                yield prefix + str(pattern.pattern)

    for route in walk(get_resolver("crm_platform.config.urls.workspace").url_patterns, ""):
        found = re.findall(r"<int:(\w+)>", route)
        if found:
            yield route, found


ENTITIES = ("contact", "company", "deal", "product")


def concrete(route: str, pk: int) -> list[str]:
    """The addresses of a route with the other's id."""
    path = "/" + re.sub(r"<int:\w+>", str(pk), route)
    if "<slug:entity>" in path:
        return [path.replace("<slug:entity>", entity).replace("<slug:state>", "error") for entity in ENTITIES]
    return [re.sub(r"<slug:\w+>", "error", path)]


def test_every_address_answers_404_to_the_ids_of_another_workspace(two_doors) -> None:
    mine, other = two_doors
    with other.unit():
        firm = companies.create_company(ROBOT, name="Theirs")
        person = contacts.create_contact(ROBOT, first_name="Theirs", companies=[{"company_id": firm.pk}])
        deal = deals.create_deal(ROBOT, name="Theirs", company_id=firm.pk)
        product = products.create_product(ROBOT, name="Theirs")
        note = notes.add(ROBOT, entity="deal", pk=deal.pk, text="Theirs")
        task = tasks.add(ROBOT, text="Theirs", due_at=clock.now(), entity="deal", record_id=deal.pk)
        colleague = accounts.add_without_access(ROBOT, name="Theirs")
        event = Event.objects.order_by("-id")[0]
        foreign = {row.pk for row in (firm, person, deal, product, note, task, colleague, event)}
        foreign.add(deal.stage_id)
        before = _fingerprint()
    assert min(foreign) >= 10**9
    with mine.unit():
        mine_before = _fingerprint()
        bearing = {"Authorization": f"Bearer {tokens.make_api_token(User.objects.select_related('role').get(role__code='owner'), name='t')}"}
    client, attempts = mine.client(), 0
    for route, _names in routes():
        for pk in sorted(foreign):
            for path in concrete(route, pk):
                for verb in (client.get, client.post):
                    answer = verb(path, {"pk": pk, "stage": pk, "name": "x", "text": "x", "role": pk, "to": pk, "field": "name"} if verb == client.post else {})
                    attempts += 1
                    if path.startswith(("/api/", "/v1.0/")):
                        assert answer.status_code == 401, path  # a session is none of the API's business
                        answer = verb(path, headers=bearing)
                        # 204: so the API says that there is no such record; 400: what was sent names none.
                        assert answer.status_code in (204, 400) or answer.status_code in REFUSED, f"{verb.__name__} {path}: {answer.status_code} {answer.content[:200]!r}"
                        assert b"Theirs" not in answer.content, path
                        continue
                    if path.startswith("/account/") and answer.status_code == 302:
                        continue  # allauth asks for the password first
                    # 405: the address has no such verb; 403, 404, 409, 422: refused. Nothing is ever found or done.
                    assert answer.status_code in REFUSED, f"{verb.__name__} {path}: {answer.status_code} {answer.content[:200]!r}"
                    assert b"Theirs" not in answer.content, path
    assert attempts > 300
    with other.unit():
        assert _fingerprint() == before
    with mine.unit():
        assert _fingerprint() == mine_before


REFUSED = (403, 404, 405, 409, 422)


def _fingerprint() -> list[tuple[str, int]]:
    from crm_core.people.contacts.models import Contact
    from crm_core.sales.deals.models import Deal

    return [("deals", Deal.objects.count()), ("contacts", Contact.objects.filter(binned_at=None).count()), ("events", Event.objects.exclude(entity="person").count())]


def test_session_token_and_links_of_one_open_nothing_in_the_other(two_doors) -> None:
    mine, other = two_doors
    with mine.unit():
        owner = User.objects.get(email="olga@veldhuis.example")
        entry, invite, confirm = tokens.entry_link(owner), tokens.invite_link(owner), tokens.confirm_link(owner)
    stranger = other.client(email=None)
    stranger.cookies = mine.client().cookies
    assert stranger.get("/board").status_code == 302
    for link in (entry, invite, confirm):
        path = "/" + link.split("/", 3)[3]
        assert other.client(email=None).get(path).status_code == 403, path


def test_an_entry_link_works_once(doors) -> None:
    with doors.unit():
        link = tokens.entry_link(User.objects.get(email="olga@veldhuis.example"))
    path = "/" + link.split("/", 3)[3]
    client = doors.client(email=None)
    first = client.get(path)
    assert (first.status_code, first.headers["Location"]) == (303, "/")
    assert "This one" in client.get("/account/sessions/").content.decode()
    assert doors.client(email=None).get(path).status_code == 403


def test_a_reset_link_of_one_generation_is_dead_in_the_next(doors) -> None:
    from dataclasses import replace

    from crm_platform.accounts.reset_tokens import ResetTokens

    with doors.unit():
        owner = User.objects.get(email="olga@veldhuis.example")
        token = ResetTokens().make_token(owner)
        assert ResetTokens().check_token(owner, token)
    with workspace.enter(replace(doors.place, generation=2)):
        assert not ResetTokens().check_token(owner, token)


def test_a_suspended_or_unknown_workspace_gets_its_own_page(doors, public) -> None:
    unknown = public.get("/", HTTP_HOST="nobody-lives-here.localhost")
    assert unknown.status_code == 404
    assert b"No workspace lives at this address" in unknown.content
    assert b'/find">Find my workspaces' in unknown.content
    telling.tell(suspending.suspend(doors.place.public_id, level="closed", reason="unpaid", by=states.OPERATOR, operation=uuid.uuid4()))
    closed = doors.client().get("/board")
    assert closed.status_code == 403
    assert b"<h1>This workspace is closed</h1>" in closed.content
    assert b"closed at the moment" in closed.content


def test_a_session_s_word_alone_takes_nobody_in(doors) -> None:
    """The person read beside the session is believed only where the session itself names that person."""
    client = doors.client()
    assert client.get("/settings/profile").status_code == 200
    with doors.unit():
        other = accounts._new_person(email="other@veldhuis.example", name="Somebody Else", role=Role.objects.get(code="seller"))
        other.access, other.is_active = "active", True
        other.save()
        named = {"user": other, "ip": "127.0.0.1", "user_agent": "test"}
        UserSession.objects.update_or_create(session_key=client.cookies[settings.SESSION_COOKIE_NAME].value, defaults=named)
        mine = User.objects.get(email="olga@veldhuis.example").name
    page = client.get("/settings/profile").content.decode()
    assert mine in page
    assert "Somebody Else" not in page
