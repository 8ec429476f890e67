"""Histories: what happened to one record on the card of another, and for whose eyes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.timeline import describing, queries
from crm_core.people.companies import services as companies
from crm_core.sales.deals import services as deals
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

ROBOT = robot("test")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("workspace_addresses")


def told(actor, subject: str, **wish) -> list[tuple[str, str]]:
    return [(entry.event.name, entry.about) for entry in queries.of_subject(actor, subject, **wish)[0]]


@pytest.mark.parametrize(("who", "sees"), [("owner", "AB"), ("viewer", "AB"), ("manager", "AB"), ("seller", "A"), ("mate", "A"), ("other", "B")])
def test_a_company_tells_of_the_deals_one_may_see_and_of_no_other(inside, who: str, sees: str) -> None:
    people = cast()
    company = companies.create_company(ROBOT, name="Shared")
    for name, owner in (("A", "seller"), ("B", "other")):
        deal = deals.create_deal(ROBOT, name=name, company_id=company.pk, responsible_id=people[owner].user_id)
        notes.add(ROBOT, entity="deal", pk=deal.pk, text=f"secret of {name}")
        tasks.add(ROBOT, text=f"call {name}", due_at=clock.now(), entity="deal", record_id=deal.pk)
    for wish in ({}, {"group": "notes"}, {"group": "tasks"}, {"group": "changes"}, {"before": 10**9}):
        about = {link for _name, link in told(people[who], f"company:{company.pk}", **wish) if link}
        assert {link.rpartition(">")[0].rpartition("<")[0][-1] for link in about} == set(sees), (wish, about)
    bodies = "".join(str(entry.body) + str(entry.sentence) for entry in queries.of_subject(people[who], f"company:{company.pk}")[0])
    assert {name for name in "AB" if f"secret of {name}" in bodies} == set(sees)


def test_a_record_does_not_name_itself_and_one_that_is_gone_is_told_without_a_name(inside, count_statements) -> None:
    company = companies.create_company(ROBOT, name="Shared")
    gone = deals.create_deal(ROBOT, name="Gone", company_id=company.pk)
    kept = deals.create_deal(ROBOT, name="<Kept>", company_id=company.pk)
    type(gone).objects.filter(pk=gone.pk).delete()
    assert told(ROBOT, f"company:{company.pk}") == [("deal.created", f'<a class="link" href="/deals/{kept.pk}">&lt;Kept&gt;</a>'), ("deal.created", ""), ("company.created", "")]
    assert told(ROBOT, f"deal:{kept.pk}") == [("deal.created", "")]
    with count_statements() as count:
        told(ROBOT, f"company:{company.pk}")
        assert count() == 2


def test_every_event_is_told_in_words() -> None:
    """A name of an event is for programs: the journal of a firm must not show one."""
    houses = [path for house in ("platform", "tenants", "crm_core", "billing", "webhooks") for path in (ROOT / house).rglob("*.py")]
    emitted = {name for path in houses for name in re.findall(r'emit\(\s*[\w.]+(?:\([^)]*\))?, "([a-z_.]+)"', path.read_text())}
    assert {"person.joined", "pipeline.added", "task.done"} <= emitted
    assert {name for name in emitted if not describing.knows(name)} == set()
