"""Web forms are counted against the plan: those that take something in."""

from __future__ import annotations

import pytest

from billing.metering import proof
from billing.metering.models import Counter
from crm_core.sales.incoming import sources
from crm_core.sales.incoming.models import LeadSource
from crm_platform.kernel import gates
from crm_platform.kernel.errors import PlanRefusal
from tenants.inside.models import WorkspaceState
from tests.conftest import Door

from .kit import ROBOT, source


def _used(doors: Door) -> int:
    with doors.unit():
        return gates.usage("forms").used


def test_a_form_beyond_the_plan_is_refused_and_what_was_typed_stays(doors: Door) -> None:
    with doors.unit():
        WorkspaceState.objects.update(limits={"forms": 1}, billing_state="active")
        first = source(kind="form").pk
    page = doors.client().post("/settings/lead-sources/add", {"name": "The second form", "kind": "form"})
    assert page.status_code == 402
    assert "The second form" in page.content.decode()
    assert _used(doors) == 1
    with doors.unit(), pytest.raises(PlanRefusal):
        sources.add(ROBOT, name="The second form", kind="form")
    with doors.unit():
        assert LeadSource.objects.count() == 1
        source(kind="api", name="A door")  # what is no form is not counted
    with doors.unit():
        sources.archive(ROBOT, first)
    assert _used(doors) == 0
    with doors.unit():
        source(kind="form", name="Another")
    with doors.unit(), pytest.raises(PlanRefusal):
        sources.archive(ROBOT, first)  # back among those that take in
    with doors.unit():
        assert LeadSource.objects.get(pk=first).archived_at is not None
    assert _used(doors) == 1


def test_what_was_there_before_is_counted_by_the_proof(doors: Door) -> None:
    with doors.unit():
        source(kind="form")
    with doors.unit():
        Counter.objects.filter(metric="forms").delete()
    assert _used(doors) == 0
    with doors.unit():
        proof.prove()
    assert _used(doors) == 1
