"""The pages of tasks."""

from __future__ import annotations

from crm_core.engagement.tasks import services as tasks
from crm_core.sales.deals import services as deals
from crm_platform.accounts.models import User
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def test_who_ticks_off_the_day_s_list_stays_on_it(doors) -> None:
    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Oak")
        owner = User.objects.get(email="olga@veldhuis.example")
        pk = tasks.add(ROBOT, text="Call", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=owner.pk).pk
    page = client.get("/day?team=1").content.decode()
    form = page[page.index(f'action="/tasks/{pk}/done"') :].partition("</form>")[0]
    assert 'name="next" value="/day?team=1"' in form
    assert client.post(f"/tasks/{pk}/done", {"next": "/day?team=1"}).headers["Location"] == "/day?team=1"
