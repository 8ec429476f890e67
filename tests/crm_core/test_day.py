"""My day: each part shows its own, however long another is, and says how many there are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core.engagement.tasks import planning
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_platform.accounts.models import Access, User
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast, person


@pytest.mark.parametrize("team", [False, True])
@pytest.mark.parametrize(("late", "shown", "statements"), [(3, 3, 3), (planning.SHOWN["late"] + 11, planning.SHOWN["late"], 4)])
def test_a_long_past_does_not_hide_today(inside, count_statements, team, late, shown, statements) -> None:
    owner = cast()["owner"]
    now = clock.now()
    tonight = now + timedelta(hours=3)
    for at in range(late):
        tasks.add(owner, text=f"late {at}", due_at=now - timedelta(days=1, minutes=at))
    tasks.add(owner, text="for today", due_at=now + timedelta(hours=1))
    tasks.add(owner, text="for later", due_at=now + timedelta(days=2))
    planning.parts(owner, now=now, tonight=tonight, team=team)
    with count_statements() as count:
        found = planning.parts(owner, now=now, tonight=tonight, team=team)
        assert count() <= statements
    assert [task.text for task in found["today"].tasks] == ["for today"]
    assert [task.text for task in found["later"].tasks] == ["for later"]
    assert (len(found["late"].tasks), found["late"].count, found["late"].more) == (shown, late, late - shown)
    assert found["late"].tasks[0].text == f"late {late - 1}"
    everything = planning.parts(owner, now=now, tonight=tonight, team=team, everything=True)
    assert (len(everything["late"].tasks), everything["late"].more) == (late, 0)


def test_only_what_one_may_see_stands_in_the_team_s_day(inside) -> None:
    people = cast()
    now = clock.now()
    for who in ("seller", "mate", "other"):
        tasks.add(people[who], text=f"of {who}", due_at=now + timedelta(hours=1))
    for who, seen in (("owner", {"seller", "mate", "other"}), ("seller", {"seller", "mate"}), ("other", {"other"})):
        found = planning.parts(people[who], now=now, tonight=now + timedelta(hours=2), team=True)["today"].tasks
        assert {task.text for task in found} == {f"of {name}" for name in seen}
    assert [task.text for task in planning.parts(people["mate"], now=now, tonight=now + timedelta(hours=2), team=False)["today"].tasks] == ["of mate"]


def test_who_edits_a_task_sees_whose_it_is_and_may_make_it_nobodys(doors) -> None:
    with doors.unit():
        task = tasks.add(robot("test"), text="Call", due_at=clock.now())
    page = doors.client()
    assert ('<option value="" selected>Nobody</option>' in page.get(f"/tasks/{task.pk}").content.decode(), ">Me</option>" in page.get("/day").content.decode()) == (True, True)
    assert page.post(f"/tasks/{task.pk}", {"text": "Call", "type": "todo", "day": "2030-01-01", "responsible": ""}).status_code == 303
    with doors.unit():
        assert Task.objects.get(pk=task.pk).responsible_id is None


def test_the_task_of_one_who_left_can_be_changed_and_stays_theirs(doors) -> None:
    with doors.unit():
        sam = person("seller", name="Sam")
        task = tasks.add(robot("test"), text="Call", due_at=clock.now(), responsible_id=sam.pk)
        User.objects.filter(pk=sam.pk).update(access=Access.DEACTIVATED, is_active=False)
    page = doors.client()
    assert f'<option value="{sam.pk}" selected>Sam</option>' in page.get(f"/tasks/{task.pk}").content.decode()
    assert page.post(f"/tasks/{task.pk}", {"text": "Write", "type": "todo", "day": "2030-01-01", "responsible": sam.pk}).status_code == 303
    with doors.unit():
        kept = Task.objects.get(pk=task.pk)
        assert (kept.text, kept.responsible_id) == ("Write", sam.pk)
        with pytest.raises(Invalid):
            tasks.add(robot("test"), text="Call", due_at=clock.now(), responsible_id=sam.pk)
