"""The eight states as people meet them: cases 36 to 43, 65 to 70 of the billing reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing import telling
from billing.dunning import letters, walking
from billing.metering import answering
from billing.models import Subscription
from crm_core.engagement.tasks import services as tasks
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import access, clock, gates
from crm_platform.kernel.access import Act
from crm_platform.kernel.errors import PlanRefusal, Unpaid
from crm_platform.kernel.money import Money
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants.inside import services as inside
from tests.tenants.lives import join

from .kit import DAY0, OWNER, at, buys, letters_to, put, steps, walks

ROBOT = robot("test")
BANNER = "A bill is not paid yet"


def fails(door, *, contacts_of_bills: tuple[str, ...] = ("bills@veldhuis.example",)) -> None:
    """A renewal is declined on day 0."""
    buys(door, contacts=contacts_of_bills)
    with at(0):
        put(door, past_due_since=DAY0, status="past_due")


def trial_ends_at(door) -> datetime:
    with sides.control_unit():
        ends = Subscription.objects.get(workspace=door.workspace).trial_ends_at
    assert ends is not None
    return ends


def state_at(door, days: float) -> str:
    with at(days), door.unit():
        return str(answering.standing_here().state)


def test_case_36_a_declined_renewal_leaves_everything_open_with_a_banner_and_one_letter(doors) -> None:
    seller = join(doors, "seller")
    fails(doors)
    with at(0.1):
        assert walks(doors) == ["The payment of Atelier Veldhuis did not go through"]
        assert walks(doors) == []
        assert BANNER in doors.client().get("/contacts").content.decode()
        assert BANNER not in doors.client(seller).get("/contacts").content.decode()
        assert doors.client().post("/contacts/new", {"first_name": "Anna"}).status_code in (302, 303)
    assert letters_to(doors)[-1] == "bills@veldhuis.example"
    with at(3):
        put(doors, past_due_since=None, status="active")
        assert walks(doors) == []
        assert BANNER not in doors.client().get("/contacts").content.decode()
    assert state_at(doors, 300) == "active"


def test_case_37_nine_failed_attempts_are_one_clock_and_each_step_once(doors) -> None:
    fails(doors)
    said: list[str] = []
    for attempt in range(9):
        with at(attempt * 5 / 3):
            put(doors, past_due_since=DAY0, status="past_due")  # the first failure stays the first
            said += walks(doors)
            said += walks(doors)
    assert len(said) == len(set(steps(doors))) == 4, said
    assert set(steps(doors).values()) == {"written"}


def test_case_38_grace_ends_by_computation_while_no_worker_lives_and_paying_opens_at_once(doors) -> None:
    fails(doors)
    with at(14.99):
        assert doors.client().post("/contacts/new", {"first_name": "Anna"}).status_code in (302, 303)
    with at(17):  # nobody has looked since day 0
        answer = doors.client().post("/contacts/new", {"first_name": "Bob"}, HTTP_ACCEPT="application/json")
        assert (answer.status_code, answer.json()["code"], answer.json()["state"], answer.json()["way_out"]) == (402, "unpaid", "limited", "/settings/plan")
        put(doors, past_due_since=None, status="active")
        assert doors.client().post("/contacts/new", {"first_name": "Bob"}).status_code in (302, 303)
    with doors.unit():
        assert sorted(Contact.objects.values_list("first_name", flat=True)) == ["Anna", "Bob"]


def test_case_39_what_is_past_due_for_ever_at_the_provider_goes_down_by_our_own_days(doors) -> None:
    fails(doors)
    assert [state_at(doors, day) for day in (14, 15, 45, 225, 365)] == ["past_due", "limited", "frozen", "delete_scheduled", "delete_scheduled"]
    seller = join(doors, "seller")
    with at(365):
        assert doors.client(seller).get("/contacts").status_code == 403
        assert doors.client().get("/contacts").status_code == 200
        assert doors.client().get("/settings/plan").status_code == 200
        assert doors.client().get("/export/contact?format=csv").status_code == 200


def test_case_40_a_bank_that_asks_to_confirm_gets_a_letter_of_its_own(doors, monkeypatch) -> None:
    monkeypatch.setattr(letters, "_bill", lambda pk: letters.Bill(owed=Money(9_500, "EUR"), url="http://pay.example/i/1", confirm=True))
    fails(doors)
    with at(0.1):
        assert walks(doors) == ["Your bank asks you to confirm the payment of Atelier Veldhuis"]
        with doors.unit():
            text = Letter.objects.latest("pk").text
            assert "http://pay.example/i/1" in text
            assert "95" in text
    with at(1):
        put(doors, past_due_since=None, status="active")
    assert state_at(doors, 1) == "active"


def test_the_letter_tells_the_open_bill_of_the_documents(doors) -> None:
    from billing.documents.models import Invoice

    account = buys(doors)
    with sides.control_unit():
        Invoice.objects.create(account=account, provider="stripe", external_id=f"in_{doors.place.public_id}", status="open", currency="EUR", total_minor=11_400, paid_minor=1_400, hosted_url="http://pay.example/i/2")
    with at(0):
        put(doors, past_due_since=DAY0, status="past_due")
        walks(doors)
    with doors.unit():
        text = Letter.objects.filter(to="bills@veldhuis.example").latest("pk").text
    assert "http://pay.example/i/2" in text
    assert "100" in text


@pytest.mark.parametrize(("people", "state"), [(3, "active"), (6, "over_limit")])
def test_case_41_a_trial_that_ends_unpaid_leads_to_free_and_owes_nothing(doors, people: int, state: str) -> None:
    with doors.unit():
        answering.Counter.objects.update_or_create(metric="users", defaults={"value": people})
    ends = trial_ends_at(doors)
    with clock.frozen(ends + timedelta(hours=1)):
        assert walks(doors) == ["Atelier Veldhuis is on Free now"]
        with doors.unit():
            assert str(answering.standing_here().state) == state
            assert inside.state().plan == "free"
            assert access.here().level is access.Level.FULL
        with sides.control_unit():
            row = Subscription.objects.select_related("plan").get(workspace=doors.workspace)
            assert (row.plan.code, row.past_due_since, row.state) == ("free", None, state)


def test_case_42_a_longer_trial_brings_no_reminder_twice(doors) -> None:
    ends = trial_ends_at(doors)
    with clock.frozen(ends - timedelta(days=7)):
        assert walks(doors) == ["What Atelier Veldhuis would keep after the trial"]
    put(doors, trial_ends_at=ends + timedelta(days=10))
    with clock.frozen(ends + timedelta(days=3)):  # seven days before the new end
        assert walks(doors) == []
    with clock.frozen(ends + timedelta(days=7)):
        assert len(walks(doors)) == 1
    assert steps(doors) == {"trial_14": "written", "trial_18": "written"}


def test_case_42_a_card_declined_at_the_trials_end_is_an_open_bill_and_no_loss(doors) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Anna")
    fails(doors)
    assert state_at(doors, 1) == "past_due"
    with at(1), doors.unit():
        assert gates.usage("contacts").limit == 100_000
        assert Contact.objects.count() == 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"])
def test_case_43_cancelled_resumed_and_cancelled_in_the_last_second_ends_in_that_second_everywhere(doors, zone: str) -> None:
    with doors.unit():
        inside.change_preferences(ROBOT, time_zone=zone)
    buys(doors)
    last = datetime(DAY0.year, DAY0.month, 1, 23, 59, 59, tzinfo=UTC)
    end = last + timedelta(seconds=1)
    with clock.frozen(last - timedelta(days=3)):
        put(doors, cancel_at=end)
        put(doors, cancel_at=None)
    with clock.frozen(end + timedelta(days=3)), doors.unit():
        assert gates.usage("contacts").limit == 100_000
    with clock.frozen(last):
        put(doors, cancel_at=end)
        with doors.unit():
            assert gates.usage("contacts").limit == 100_000
    with clock.frozen(end), doors.unit():
        assert gates.usage("contacts").limit == 5_000
        assert str(answering.standing_here().state) == "active"
        assert access.here().level is access.Level.FULL


def test_case_66_a_smaller_plan_hides_and_deletes_nothing_and_a_larger_one_brings_all_back(doors) -> None:
    people = [join(doors, role) for role in ("manager", "seller")]
    with doors.unit():
        made = contacts.create_contact(ROBOT, first_name="Anna", responsible_id=User.objects.get(email=people[1]).pk)
        answering.Counter.objects.update_or_create(metric="users", defaults={"value": 12})
    buys(doors, seats=12)
    put(doors, plan="free", seats=0)
    with doors.unit():
        assert answering.over() == ["users"]
        assert Contact.objects.get(pk=made.pk).responsible_id is not None
        with pytest.raises(PlanRefusal):
            gates.require("users")
    assert doors.client().get(f"/contacts/{made.pk}").status_code == 200
    put(doors, plan="team", seats=12)
    with doors.unit():
        assert answering.over() == []


def test_case_67_over_the_limit_only_adding_is_blocked_and_deleting_opens_it_at_once(doors) -> None:
    with doors.unit():
        pk = contacts.create_contact(ROBOT, first_name="Anna").pk
    with doors.unit():
        answering.Counter.objects.filter(metric="contacts").update(value=5_600)
    put(doors, plan="free", trial_ends_at=None)
    owner = doors.client()
    answer = owner.post("/contacts/new", {"first_name": "More"})
    assert answer.status_code == 402
    assert "5,600" in answer.content.decode()
    with doors.unit():
        contacts.change_contact(ROBOT, pk, first_name="Changed")
        assert str(answering.standing_here().state) == "over_limit"
    assert owner.get("/export/contact?format=csv").status_code == 200
    with doors.unit():
        answering.Counter.objects.filter(metric="contacts").update(value=5_000 - 1)
    assert owner.post("/contacts/new", {"first_name": "More"}).status_code in (302, 303)


def test_case_69_while_limited_people_read_export_and_tick_off_and_every_other_verb_is_refused(doors) -> None:
    with doors.unit():
        anna = contacts.create_contact(ROBOT, first_name="Anna")
        task = tasks.add(ROBOT, text="Call", due_at=clock.now(), entity="contact", record_id=anna.pk, responsible_id=User.objects.get(email=OWNER).pk)
    fails(doors)
    with at(20):
        owner = doors.client()
        assert "Done: Call" in owner.get("/day").content.decode()
        assert owner.post(f"/tasks/{task.pk}/done", {}).status_code in (302, 303)
        with doors.unit():
            olga = actor_of(User.objects.select_related("role").get(email=OWNER))
            assert tasks.Task.objects.get(pk=task.pk).done_at is not None
            for verb in (
                lambda: tasks.reopen(olga, task.pk), lambda: tasks.change(olga, task.pk, text="Other"), lambda: tasks.add(olga, text="New", due_at=clock.now()),
                lambda: contacts.change_contact(olga, anna.pk, first_name="Bob"), lambda: inside.change_preferences(olga, firm="Other"),
            ):  # fmt: skip
                with pytest.raises(Unpaid):
                    verb()
            for act, goes_on in ((Act.TASKS_DONE, True), (Act.CHATS_ANSWER, True), (Act.INTAKE, True), (Act.AUTOMATIONS, False), (Act.MASS_MAIL, False)):
                assert access.permits(act) is goes_on, act
        for path in ("/board", "/contacts", f"/contacts/{anna.pk}", "/day", "/settings/plan", "/export/contact?format=csv"):
            assert owner.get(path).status_code == 200, path
    with at(50), doors.unit():
        assert [act for act in Act if access.permits(act)] == [Act.INTAKE]
        with pytest.raises(Unpaid):
            access.require(Act.TASKS_DONE)


def test_case_70_a_counter_that_drifted_is_found_and_mended(doors) -> None:
    from billing.metering import proof

    with doors.unit():
        contacts.create_contacts(ROBOT, [{"first_name": f"P{number}"} for number in range(4)])
    with doors.unit():
        answering.Counter.objects.filter(metric="contacts").update(value=9)
    with doors.unit():
        assert proof.prove()["contacts"] == {"counter": 9, "count": 4}
    with doors.unit():
        assert gates.usage("contacts").used == 4
        assert proof.prove()["contacts"] == {"counter": 4, "count": 4}


def test_a_promise_holds_it_open_without_reminders_and_the_days_go_on(doors) -> None:
    fails(doors)
    with at(0.1):
        walks(doors)
    with at(14):
        put(doors, promised_until=DAY0 + timedelta(days=21))
        assert walks(doors) == []
    assert [state_at(doors, day) for day in (16, 20.9, 21)] == ["past_due", "past_due", "limited"]
    with at(21):
        assert walks(doors) == ["Atelier Veldhuis can be read only from today: a bill is open"]
    assert steps(doors) == {"past_due": "written", "remind_3": "passed", "remind_7": "passed", "warn_10": "passed", "limited": "written"}


def test_a_pause_is_as_limited_brings_no_letters_and_ends_by_itself(doors) -> None:
    buys(doors)
    with at(0):
        put(doors, paused_until=DAY0 + timedelta(days=90))
    with at(10):
        assert walks(doors) == []
        page = doors.client().get("/contacts").content.decode()
        assert "The plan is paused until" in page
        assert doors.client().post("/contacts/new", {"first_name": "Anna"}, HTTP_ACCEPT="application/json").status_code == 402
    with at(90):
        assert doors.client().post("/contacts/new", {"first_name": "Anna"}).status_code in (302, 303)


def test_no_step_by_an_old_picture_of_the_provider_nor_by_our_switch(doors, settings) -> None:
    account = buys(doors)
    with sides.control_unit():
        type(account).objects.filter(pk=account.pk).update(provider="stripe", external_id=f"cus_{doors.place.public_id}", synced_at=DAY0)
    with at(0):
        put(doors, past_due_since=DAY0, status="past_due")
    with at(3):
        assert walks(doors) == []
        with sides.control_unit():
            assert type(account).objects.get(pk=account.pk).dirty_at is not None  # a look was asked for
            type(account).objects.filter(pk=account.pk).update(synced_at=DAY0 + timedelta(days=3), dirty_at=None)
        settings.CRM_NO_DUNNING = True
        assert walks(doors) == []
        settings.CRM_NO_DUNNING = False
        assert len(walks(doors)) == 1
    assert steps(doors) == {"past_due": "passed", "remind_3": "written"}


def test_letters_cut_short_are_written_once(doors, monkeypatch) -> None:
    fails(doors)
    with at(0.1):
        with monkeypatch.context() as patched:
            patched.setattr(walking, "unit", _dying_after(walking.unit))
            with pytest.raises(KeyboardInterrupt):
                walking.look(doors.workspace)
        assert steps(doors) == {"past_due": "waiting"}
        assert walks(doors) == []  # they were there already
        assert steps(doors) == {"past_due": "written"}
    assert letters_to(doors).count("bills@veldhuis.example") == 1


def _dying_after(unit):
    from contextlib import contextmanager

    @contextmanager
    def opened(place):
        with unit(place) as entered:
            yield entered
        raise KeyboardInterrupt

    return opened


def test_the_walk_finds_those_whose_time_has_come(doors) -> None:
    from crm_platform.jobs import serving
    from crm_platform.jobs.models import Job

    fails(doors)
    with at(0.1):
        walking.wake()
        with sides.control_unit():
            assert Job.objects.filter(name="dunning.walk").exists()
        serving.serve_side(sides.control_unit, seconds=20)
    assert steps(doors) == {"past_due": "written"}
    assert telling.tell(doors.workspace)
