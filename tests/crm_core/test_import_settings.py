"""What is the firm's to set is added by an import only where its person may do so on the page of settings."""

from __future__ import annotations

import pytest

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField
from crm_core.groundwork.imports import commands, services
from crm_core.groundwork.imports.models import ImportRow, ImportRun, Stage
from crm_core.groundwork.tags.models import Tag
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import services as pipelines
from crm_core.sales.pipelines.models import LostReason, Pipeline
from crm_core.sales.pipelines.models import Stage as DealStage
from crm_platform.accounts.models import User
from crm_platform.kernel.errors import Forbidden, Invalid
from tests.crm_core.test_imports import ROBOT
from tests.factories.cast import cast

TABLE = """Deal,Id,Pipeline,Stage,Lost reason,Size,Owner,Labels
Plain,1,,,,,,fresh
New pipeline,2,Exports,,,,,
New stage,3,,Tasting,,,,
New reason,4,,Lost,Weather,,,
New choice,5,,,,Huge,,
New person,6,,,,,Nobody Known,
No reason,7,,Lost,,,,
"""


def bring_in(door, who: str) -> ImportRun:
    with door.unit():
        actor = cast()[who]
        field = custom.add_field(ROBOT, entity="deal", name="Size", kind="list", options=["Small"])
        run = services.upload(actor, name="list.csv", chunks=[TABLE.encode()], kind="deals")
        services.choose(actor, run.pk, kind="deals", chosen={**run.mapping, "Size": f"custom:{field.pk}"}, choices=run.choices)
        services.start(actor, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.RUNNING,))


def settings() -> list[list[str]]:
    choices = [option["label"] for field in CustomField.objects.all() for option in field.options]
    return [choices, *(list(model.objects.order_by("pk").values_list("name", flat=True)) for model in (Pipeline, DealStage, LostReason, CustomField, User))]


def test_a_seller_s_import_adds_nothing_to_the_settings(doors) -> None:
    run = bring_in(doors, "seller")
    with doors.unit():
        reasons = dict(ImportRow.objects.filter(run=run).values_list("number", "reason"))
        choices, names, stages, why, _fields, people = settings()
        lost = Deal.objects.get(name="No reason")
        assert (sorted(Deal.objects.values_list("name", flat=True)), lost.lost_reason.name) == (["No reason", "Plain"], "Other")
        assert Tag.objects.filter(name="fresh").exists()
    assert (choices, "Exports" in names, "Tasting" in stages, "Weather" in why, "Nobody Known" in people) == (["Small"], False, False, False, False)
    assert reasons == {
        3: "There is no pipeline “Exports”; an administrator can add it.",
        4: "There is no stage “Tasting”; an administrator can add it.",
        5: "There is no reason for losing “Weather”; an administrator can add it.",
        6: "Size has no choice “Huge”; an administrator can add it.",
        7: "There is no person “Nobody Known”; an administrator can add one.",
    }
    assert run.totals["added"] == {"Tags": ["fresh"]}


def test_a_loss_without_a_reason_takes_the_first_where_none_is_called_other(doors) -> None:
    with doors.unit():
        for reason in LostReason.objects.filter(name="Other"):
            pipelines.archive_reason(ROBOT, reason.pk)
    bring_in(doors, "seller")
    with doors.unit():
        assert Deal.objects.get(name="No reason").lost_reason == LostReason.objects.filter(archived_at=None).first()


def test_an_administrator_s_import_adds_all_and_lists_it(doors) -> None:
    run = bring_in(doors, "administrator")
    assert (run.totals["created"], run.totals["errors"]) == (7, 0)
    assert run.totals["added"] == {
        "Tags": ["fresh"], "Pipelines": ["Exports"], "Stages": ["Tasting"], "Reasons for losing": ["Weather", "Not given in the import"], "Size": ["Huge"],
    }  # fmt: skip


def test_a_new_field_asks_the_right_of_the_settings_and_is_listed(doors) -> None:
    content = [b"Name,Email,Shoe size\nDaan,d@f.example,44\n"]
    with doors.unit():
        people = cast()
        run = services.upload(people["seller"], name="list.csv", chunks=content, kind="contacts")
        wanted = {**run.mapping, "Shoe size": "new"}
        with pytest.raises(Invalid, match="no field “Shoe size”"):
            services.choose(people["seller"], run.pk, kind="contacts", chosen=wanted, choices=run.choices)
        ImportRun.objects.filter(pk=run.pk).update(mapping=wanted)
        with pytest.raises(Forbidden):
            services.start(people["seller"], run.pk)
        assert not CustomField.objects.exists()
        run = services.upload(people["administrator"], name="list.csv", chunks=content, kind="contacts")
        services.choose(people["administrator"], run.pk, kind="contacts", chosen=wanted, choices=run.choices)
        services.start(people["administrator"], run.pk)
    run = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert run.totals["added"] == {"Fields": ["Shoe size"]}
    with doors.unit():
        again = services.upload(people["seller"], name="list.csv", chunks=content, kind="contacts")
        services.choose(people["seller"], again.pk, kind="contacts", chosen=wanted, choices=again.choices)
        assert services.start(people["seller"], again.pk).mapping["Shoe size"].startswith("custom:")


@pytest.mark.parametrize(("who", "offered"), [("seller", False), ("administrator", True)])
def test_the_wizard_offers_a_new_field_only_to_whom_it_is_allowed(doors, who, offered) -> None:
    with doors.unit():
        actor = cast()[who]
        run = services.upload(actor, name="list.csv", chunks=[b"Name,Email\nDaan,d@f.example\n"], kind="contacts")
    page = doors.client(f"{actor.name.lower()}@veldhuis.example").get(f"/imports/{run.pk}").content.decode()
    assert ("A new field of this name" in page, 'name="add_missing"' in page, "are added by an administrator" in page) == (offered, offered, not offered)
