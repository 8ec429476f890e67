"""Leaving, coming back, suspension: access is computed by one function, and holds in the services."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.pipelines import services as pipelines
from crm_platform.accounts import services as accounts
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, versions
from crm_platform.kernel.access import Level
from crm_platform.kernel.errors import Forbidden, Invalid, ReadOnly
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants import keeper
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState
from tenants.lifecycle import access, leaving, states, suspending, telling
from tenants.lifecycle.billing_state import Facts
from tenants.lifecycle.leaving import OwnersOnly
from tenants.lifecycle.models import Departure, Entry
from tenants.mailindex import workspaces_of
from tenants.models import State, Workspace
from tests.factories.cast import cast
from tests.flows.test_pages import PAGES
from tests.tenants.lives import OPERATOR, join, let_go, row_of

ROBOT = robot("test")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def unpaid(days: int) -> dict[str, str | None]:
    """What is stored of a bill that has been open for so many days."""
    return Facts(past_due_since=NOW - timedelta(days=days)).stored()


@pytest.mark.parametrize(
    ("facts", "level", "cause"),
    [
        ({}, Level.FULL, ""),
        ({"billing": unpaid(3)}, Level.FULL, "past_due"),
        ({"billing": unpaid(20)}, Level.READ, "limited"),
        ({"billing": Facts(paused_until=NOW + timedelta(days=1)).stored()}, Level.READ, "paused"),
        ({"billing": Facts(erased_at=NOW).stored()}, Level.CLOSED, "deleted"),
        ({"billing_state": "trialing", "trial_ends_at": NOW}, Level.FULL, ""),
        ({"billing": unpaid(50)}, Level.OWNER, "frozen"),
        ({"billing": unpaid(230)}, Level.OWNER, "delete_scheduled"),
        ({"maintenance": True}, Level.READ, "maintenance"),
        ({"erases_at": NOW + timedelta(days=9)}, Level.READ, "leaving"),
        ({"suspended": True, "suspended_level": "notice", "suspended_reason": "x"}, Level.FULL, "suspended"),
        ({"suspended": True, "suspended_level": "read"}, Level.READ, "suspended"),
        ({"suspended": True, "suspended_level": "owner"}, Level.OWNER, "suspended"),
        ({"suspended": True, "suspended_level": "closed"}, Level.CLOSED, "suspended"),
        ({"suspended": True}, Level.CLOSED, "suspended"),
        ({"suspended": True, "suspended_level": "closed", "suspended_until": NOW}, Level.FULL, ""),
        ({"suspended": True, "suspended_level": "closed", "suspended_until": NOW + timedelta(seconds=1)}, Level.CLOSED, "suspended"),
        # the strictest decides
        ({"billing": unpaid(50), "maintenance": True, "erases_at": NOW}, Level.OWNER, "frozen"),
        ({"suspended": True, "suspended_level": "closed", "billing": unpaid(50)}, Level.CLOSED, "suspended"),
        ({"suspended": True, "suspended_level": "notice", "billing": unpaid(20)}, Level.READ, "limited"),
    ],
)
def test_the_strictest_of_all_causes_decides(facts, level, cause) -> None:
    found = access.access_of(WorkspaceState(**facts), now=NOW)
    assert (found.level, found.cause) == (level, cause)


def test_a_leaving_workspace_is_read_and_exported_by_all_and_changed_by_none(doors) -> None:
    with doors.unit():
        anna = contacts.create_contact(ROBOT, first_name="Anna")
    seller = join(doors, "seller")
    let_go(doors)
    assert row_of(doors).state == State.LEAVING
    left = row_of(doors)
    with sides.control_unit():
        assert left in workspaces_of("olga@veldhuis.example")  # they still find it
    owner = doors.client()
    shut = {"/deals/new", "/contacts/new", "/companies/new", "/products/new", "/settings/people/invite", "/settings/first-hour"}
    for path in PAGES:
        answer = owner.get(path)
        assert answer.status_code == (403 if path in shut else 200), path
        if answer.status_code == 200 and "<main" in answer.content.decode():
            assert "will be erased on" in answer.content.decode(), path
    assert doors.client(seller).get("/contacts").status_code == 200
    export = owner.get("/export/contact?format=csv")
    assert export.status_code == 200
    assert "Anna" in b"".join(export).decode()
    assert "/export/contact" in owner.get("/contacts").content.decode()
    for path, form in (("/contacts/new", {"first_name": "Bob"}), (f"/contacts/{anna.pk}/edit", {"first_name": "Bob"}), ("/settings/firm", {"firm": "Other"})):
        answer = owner.post(path, form)
        assert answer.status_code in (403, 404, 422), path
    with doors.unit():
        assert [person.first_name for person in Contact.objects.all()] == ["Anna"]
        assert inside.preferences().firm == "Atelier Veldhuis"


def test_every_verb_of_people_is_refused_with_the_reason(doors) -> None:
    with doors.unit():
        anna = contacts.create_contact(ROBOT, first_name="Anna")
    let_go(doors)
    with doors.unit():
        olga = actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example"))
        verbs = [
            lambda: contacts.create_contact(olga, first_name="Bob"),
            lambda: contacts.change_contact(olga, anna.pk, first_name="Bob"),
            lambda: notes.add(olga, entity="contact", pk=anna.pk, text="Hm"),
            lambda: tasks.add(olga, text="Call", due_at=clock.now(), entity="contact", record_id=anna.pk),
            lambda: inside.change_preferences(olga, firm="Other"),
            lambda: pipelines.add_pipeline(olga, name="Second"),
            lambda: accounts.invite(olga, emails=["a@b.example"], role_id=olga.user_id, group_id=None, language="en"),
        ]
        for verb in verbs:
            with pytest.raises(ReadOnly):
                verb()
    with doors.unit():
        viewer = cast()["viewer"]
        with pytest.raises(Forbidden):
            contacts.create_contact(viewer, first_name="Bob")


def test_only_an_owner_lets_go_and_takes_back_and_only_what_is_there(doors) -> None:
    public_id = doors.place.public_id
    with doors.unit():
        actors = cast()
    for name, actor in actors.items():
        if name == "owner":
            continue
        with pytest.raises(OwnersOnly):
            leaving.leave_by(actor, public_id, days=30, reason="", operation=uuid.uuid4())
        with pytest.raises(OwnersOnly):
            leaving.come_back_by(actor, public_id, operation=uuid.uuid4())
    with pytest.raises(Invalid):
        leaving.leave_by(actors["owner"], public_id, days=1, reason="", operation=uuid.uuid4())
    with pytest.raises(states.NoSuchWay):
        leaving.come_back_by(actors["owner"], public_id, operation=uuid.uuid4())
    assert row_of(doors).state == State.ACTIVE
    stranger = doors.client(email=None)
    assert stranger.post("/settings/leaving", {"days": 7, "typed": doors.place.slug, "operation": str(uuid.uuid4())}).status_code == 302
    assert row_of(doors).state == State.ACTIVE


def test_the_owner_leaves_by_the_page_and_takes_it_back(doors) -> None:
    owner, manager = doors.client(), doors.client(join(doors, "manager"))
    assert "Let the workspace go" in owner.get("/settings/leaving").content.decode()
    assert manager.get("/settings/leaving").status_code == 403
    form = {"days": 7, "reason": "sold", "typed": "wrong", "operation": str(uuid.uuid4())}
    assert owner.post("/settings/leaving", form).status_code == 422
    assert row_of(doors).state == State.ACTIVE
    for _twice in range(2):
        assert owner.post("/settings/leaving", {**form, "typed": doors.place.slug}).status_code == 303
    with sides.control_unit():
        departure = Departure.objects.get(workspace=doors.workspace)
        [entry] = Entry.objects.filter(workspace=doors.workspace, kind="leaving")
    assert (entry.by_kind, entry.reason, entry.before, entry.after) == ("person", "sold", "active", "leaving")
    assert entry.told_at is not None
    page = owner.get("/settings/leaving").content.decode()
    assert departure.certificate in page
    assert "Take the workspace back" in page
    assert owner.post("/contacts/new", {"first_name": "Bob"}).status_code == 403
    assert owner.post("/settings/leaving/back", {"operation": str(uuid.uuid4())}).status_code == 303
    assert row_of(doors).state == State.ACTIVE
    assert owner.post("/contacts/new", {"first_name": "Bob"}).status_code in (303, 302)
    with doors.unit():
        told = list(Event.objects.filter(name__startswith="workspace.").values_list("name", flat=True))
    assert told == ["workspace.leaving", "workspace.returned"]
    journal = owner.get("/settings/journal").content.decode()
    assert "let the workspace go" in journal
    assert "took the workspace back" in journal


def test_what_was_cut_short_is_told_by_the_keeper_once(doors) -> None:
    operation = uuid.uuid4()
    entry = leaving.leave(doors.place.public_id, by=OPERATOR, reason="", operation=operation, erases_at=clock.now() + timedelta(days=30))
    again = leaving.leave(doors.place.public_id, by=OPERATOR, reason="", operation=operation, erases_at=clock.now() + timedelta(days=30))
    assert entry.pk == again.pk
    with doors.unit():
        assert inside.state().erases_at is None
    with clock.frozen(entry.at):
        keeper.round_once()
    with doors.unit():
        assert inside.state().erases_at is None  # its own process may still be at it
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        keeper.round_once()
        keeper.round_once()
    telling.tell(entry)
    with doors.unit():
        assert inside.state().erases_at is not None
        assert Event.objects.filter(name="workspace.leaving").count() == 1
    back = leaving.come_back(doors.place.public_id, by=OPERATOR, operation=uuid.uuid4())
    telling.tell(back)
    telling.tell(entry)  # late, and older: it changes nothing
    with doors.unit():
        assert inside.state().erases_at is None
    with pytest.raises(states.OtherOperation):
        leaving.come_back(doors.place.public_id, by=OPERATOR, operation=operation)


def test_a_suspension_closes_as_far_as_it_says_and_is_lifted(doors) -> None:
    public_id = doors.place.public_id
    seller, owner = doors.client(join(doors, "seller")), doors.client()

    def suspend(level: str, **more) -> None:
        telling.tell(suspending.suspend(public_id, level=level, reason="A <bill> is open", by=OPERATOR, operation=uuid.uuid4(), **more))

    suspend("notice")
    assert "A &lt;bill&gt; is open" in seller.get("/contacts").content.decode()
    assert seller.get("/contacts/new").status_code == 200
    suspend("read")
    assert seller.get("/contacts/new").status_code == 403
    suspend("owner")
    assert (seller.get("/contacts").status_code, owner.get("/contacts").status_code) == (403, 200)
    assert owner.post("/contacts/new", {"first_name": "Bob"}).status_code == 403
    suspend("closed", until=clock.now() + timedelta(days=1))
    for client in (seller, owner, doors.client(email=None)):
        closed = client.get("/contacts")
        assert closed.status_code == 403
        assert "This workspace is closed" in closed.content.decode()
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert owner.get("/contacts").status_code == 200
    telling.tell(suspending.lift(public_id, by=OPERATOR, operation=uuid.uuid4()))
    assert seller.get("/contacts").status_code == 200
    for wrong in ({"level": "nope", "reason": "x"}, {"level": "read", "reason": " "}):
        with pytest.raises(Invalid):
            suspending.suspend(public_id, by=OPERATOR, operation=uuid.uuid4(), **wrong)


def test_between_the_states_only_the_drawn_ways_lead(doors) -> None:
    assert set(states.WAYS) == set(State.values)
    assert not states.WAYS[State.ERASED]
    for before, after in ((State.ACTIVE, State.ERASED), (State.ERASED, State.ACTIVE), (State.POOL, State.ACTIVE), (State.LEAVING, State.POOL)):
        with pytest.raises(states.NoSuchWay):
            states.move(Workspace(state=before), after)
    with sides.control_unit():
        [opened] = Entry.objects.filter(workspace=doors.workspace)
    assert (opened.kind, opened.before, opened.after) == ("opened", "claiming", "active")


def test_a_job_begun_before_writes_no_more(doors) -> None:
    """A job acts as its person does: what the person may not, it may not."""
    let_go(doors)
    with doors.unit():
        olga = actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example"))
        assert olga.read_only
        assert not olga.may_write


def test_search_as_one_types_learns_of_a_closing_within_a_second(doors, monkeypatch) -> None:
    """What comes while one types asks once a second; every other page asks each time."""
    client = doors.client()
    assert client.get("/search/as-one-types?q=an").status_code == 200
    telling.tell(suspending.suspend(doors.place.public_id, level="closed", reason="unpaid", by=states.OPERATOR, operation=uuid.uuid4()))
    assert client.get("/contacts").status_code == 403
    monkeypatch.setattr(access, "BELIEVED", 0.0)
    assert client.get("/search/as-one-types?q=an").status_code == 403


def test_every_owner_is_told_by_letter_and_nobody_else(doors) -> None:
    """One who lets the workspace go may be one whose log-in was stolen: the others must hear of it."""
    second = join(doors, "owner")
    join(doors, "administrator")
    with doors.unit():
        User.objects.filter(email=second).update(language="fr")
        versions.bump("person")
        Letter.objects.all().delete()
    let_go(doors)
    telling.tell_the_rest()
    with sides.control_unit():
        certificate = Departure.objects.get(workspace=doors.workspace).certificate
    with doors.unit():
        told = {letter.to: letter for letter in Letter.objects.all()}
        assert sorted(told) == ["olga@veldhuis.example", second]
        text = told["olga@veldhuis.example"].text
        assert told["olga@veldhuis.example"].subject.startswith("Atelier Veldhuis will be erased on ")
        for held in ("the operator", "moving on", "/settings/leaving", "/settings/archives", f"/erasure/{certificate}"):
            assert held in text
        assert "will be erased" not in told[second].subject
        Letter.objects.all().delete()
    telling.tell(leaving.come_back(doors.place.public_id, by=OPERATOR, operation=uuid.uuid4()))
    with doors.unit():
        assert [letter.subject for letter in Letter.objects.filter(to="olga@veldhuis.example")] == ["Atelier Veldhuis stays"]
        assert Letter.objects.count() == 2


def test_other_acts_write_no_letter(doors) -> None:
    with doors.unit():
        Letter.objects.all().delete()
    telling.tell(suspending.suspend(doors.place.public_id, level="notice", reason="x", by=OPERATOR, operation=uuid.uuid4()))
    with doors.unit():
        assert not Letter.objects.exists()
