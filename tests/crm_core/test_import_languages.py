"""What a worker writes is read by who imports: in that person's language; what becomes data is in the firm's."""

from __future__ import annotations

from django.utils import translation

from crm_core.groundwork.imports import commands, services
from crm_core.groundwork.imports.models import ImportRow, ImportRun, Stage
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines.models import LostReason
from crm_core.sales.pipelines.models import Stage as DealStage
from crm_platform.accounts.models import User
from crm_platform.kernel.permissions import Actor
from tenants.inside.models import Preferences
from tests.crm_core.test_imports import ROBOT
from tests.factories.cast import cast

TABLE = "Deal,Id,Pipeline,Stage,Amount,Lost reason\nOne,1,,Lost,,\nTwo,2,Exports,Tasting,5,\nThree,3,,,many,\n,,,,7,\n"


def bring_in(door, actor: Actor) -> ImportRun:
    with door.unit():
        run = services.upload(actor, name="list.csv", chunks=[TABLE.encode()], kind="deals")
        services.choose(actor, run.pk, kind="deals", chosen=run.mapping, choices=run.choices)
        services.start(actor, run.pk)
    with translation.override(None):
        return commands._until_done(door.place, run.pk, (Stage.RUNNING,))


def said(door, run: ImportRun) -> tuple[list[str], str]:
    with door.unit():
        return list(run.totals["added"]), ImportRow.objects.get(run=run).reason


def test_the_worker_writes_in_the_language_of_who_imports(doors) -> None:
    with doors.unit():
        actor = cast()["administrator"]
        User.objects.filter(pk=actor.user_id).update(language="ru")
        Preferences.objects.update(language="fr")
    headings, reason = said(doors, bring_in(doors, actor))
    assert reason == "Amount: «many» — не число."
    assert sorted(headings) == ["Воронки", "Причины проигрыша", "Этапы"]
    with doors.unit():
        assert LostReason.objects.filter(name="Non donnée dans l’import").exists()
        assert DealStage.objects.filter(pipeline__name="Exports", name="Nouveau").exists()
        assert sorted(Deal.objects.values_list("name", flat=True)) == ["Affaire", "One", "Two"]


def test_an_import_of_no_person_speaks_the_firm_s_language(doors) -> None:
    with doors.unit():
        Preferences.objects.update(language="nl")
    headings, reason = said(doors, bring_in(doors, ROBOT))
    assert "is geen getal" in reason
    assert "Pijplijnen" in headings


def test_what_waited_is_told_in_the_same_language(doors) -> None:
    with doors.unit():
        actor = cast()["administrator"]
        User.objects.filter(pk=actor.user_id).update(language="ru")
    run = bring_in(doors, actor)
    with doors.unit():
        ImportRow.objects.filter(run=run).update(state="waiting")
        services.take_in_waiting(actor, run.pk)
    with translation.override(None):
        run = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert "не число" in said(doors, run)[1]
