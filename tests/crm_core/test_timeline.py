"""Histories: what happened to one record on the card of another, and for whose eyes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from billing.console import words
from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.records import writing
from crm_core.groundwork.timeline import describing, queries
from crm_core.people.companies import services as companies
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.models import Deal
from crm_core.sales.deals.queries import dress
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Scope, robot
from tests.factories.cast import cast

ROBOT = robot("test")
ROOT = Path(__file__).parents[2]
# What they do stands in a journal of their own.
OPERATORS = {ROOT / "billing" / "console", ROOT / "billing" / "reports", ROOT / "platform" / "crm_platform" / "accounts" / "operators.py"}
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
        tasks.add(ROBOT, text=f"call {name}", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=people[owner].user_id)
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


def test_sums_stand_in_history_in_their_currency(inside, count_statements) -> None:
    company = companies.create_company(ROBOT, name="Shared")

    def changed(currency: str, before: int | None, after: int) -> int:
        deal = deals.create_deal(ROBOT, name="A", currency=currency, sum_minor=before, company_id=company.pk)
        deals.change_deal(ROBOT, deal.pk, sum_minor=after)
        return deal.pk

    def sums(subject: str) -> list[tuple[str, str]]:
        return [(one.before, one.after) for entry in queries.of_subject(ROBOT, subject)[0] for one in entry.differences if one.name == "sum_minor"]

    yen = changed("JPY", 5000, 7001)
    assert sums(f"deal:{yen}") == [("5000", "7001")]
    with count_statements() as one:
        sums(f"company:{company.pk}")
    changed("EUR", None, 12_50)
    changed("JPY", 1, 2)
    with count_statements() as three:
        assert sums(f"company:{company.pk}") == [("1", "2"), ("", "12.50"), ("5000", "7001")]
    assert one() == three()
    deals.change_deal(ROBOT, yen, currency="EUR", sum_minor=700_100)
    assert sums(f"deal:{yen}")[0] == ("7001", "7001.00")


def test_every_event_is_told_in_words() -> None:
    """A name of an event is for programs: the journal of a firm must not show one, nor that of the operators."""
    houses = [path for house in ("platform", "tenants", "crm_core", "billing", "webhooks") for path in (ROOT / house).rglob("*.py")]
    emitted = {name: path for path in houses for name in re.findall(r'emit\(\s*[\w.]+(?:\([^)]*\))?, "([a-z_.]+)"', path.read_text())}
    assert {"person.joined", "pipeline.added", "task.done", "operator.added"} <= set(emitted)
    assert {name for name in emitted if not describing.knows(name) and name not in words.ACTS} == set()
    assert {name for name, path in emitted.items() if name in words.ACTS and not OPERATORS & {path, *path.parents}} == set()


WISHES = ({}, {"group": "tasks"}, {"before": 10**9})
# who, how far their right on tasks reaches → whose tasks are told: the seller's, a mate's, one of another group's, the own promise given to that one
TASKS_TOLD = [
    ("owner", None, "SMUG"), ("administrator", None, "SMUG"), ("manager", None, "SMUG"), ("viewer", None, "SMUG"), ("seller", None, "SMG"), ("seller", Scope.OWN, "SG"), ("seller", Scope.NONE, "G"),
    ("seller", Scope.ALL, "SMUG"), ("manager", Scope.TEAM, "SM"), ("viewer", Scope.NONE, ""), ("other", None, "UG"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "reaching", "told_of"), TASKS_TOLD)
def test_a_history_tells_of_the_tasks_one_may_see_and_of_no_other(inside, count_statements, who: str, reaching: Scope | None, told_of: str) -> None:
    people = cast()
    actor = people[who] if reaching is None else replace(people[who], rights={**people[who].rights, "tasks.view": reaching})
    company = companies.create_company(ROBOT, name="Shared", responsible_id=actor.user_id)
    deal = deals.create_deal(ROBOT, name="Shelves", company_id=company.pk, responsible_id=actor.user_id)
    for letter, promised, by in (("S", "seller", ROBOT), ("M", "mate", ROBOT), ("U", "other", ROBOT), ("G", "other", people["seller"])):
        by = by if by is ROBOT else replace(by, everything=True)
        task = tasks.add(by, text=f"secret-{letter}", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=people[promised].user_id)
        tasks.change(ROBOT, task.pk, text=f"secret-{letter} anew")
        tasks.complete(ROBOT, task.pk, result=f"result-{letter}")
        tasks.reopen(ROBOT, task.pk)
        tasks.remove(ROBOT, task.pk)
    for subject in (f"deal:{deal.pk}", f"company:{company.pk}"):
        for wish in WISHES:
            entries = queries.of_subject(actor, subject, **wish)[0]
            assert letters(entries) == set(told_of), (subject, wish)
            assert len([entry for entry in entries if entry.event.entity == "task"]) == (5 if subject.startswith("deal") else 1) * len(told_of)
    assert letters(queries.journal(actor)[0]) == set(told_of)
    queries.of_subject(actor, f"deal:{deal.pk}")
    with count_statements() as count:
        queries.of_subject(actor, f"deal:{deal.pk}")
        assert count() == 1


def letters(entries) -> set[str]:
    text = "".join(f"{entry.sentence}{entry.body}" + "".join(one.before + one.after for one in entry.differences) for entry in entries)
    return {letter for letter in "SMUG" if f"secret-{letter}" in text or f"result-{letter}" in text}


# who → whether a field of a record of the seller, a mate, another, nobody may be put back
PUT_BACK = {"owner": "SMUN", "administrator": "SMUN", "manager": "SMUN", "seller": "S", "mate": "M", "other": "U", "viewer": ""}


@pytest.mark.parametrize("who", PUT_BACK)
def test_putting_back_is_offered_to_who_may_edit_that_record(inside, count_statements, who: str) -> None:
    people = cast()
    company = companies.create_company(ROBOT, name="Shared")
    made = {}
    for letter, owner in (("S", "seller"), ("M", "mate"), ("U", "other"), ("N", "")):
        made[letter] = deals.create_deal(ROBOT, name=letter, company_id=company.pk, responsible_id=people[owner].user_id if owner else None)
        deals.change_deal(ROBOT, made[letter].pk, source="Fair")
    of_deals = {entry.event.record_id: entry.may_edit for entry in queries.of_subject(people[who], f"company:{company.pk}")[0] if entry.event.name == "deal.changed"}
    assert {letter for letter, deal in made.items() if of_deals.get(deal.pk)} == set(PUT_BACK[who])
    in_journal = {entry.event.record_id: entry.may_edit for entry in queries.journal(people[who])[0] if entry.event.name == "deal.changed"}
    assert {letter for letter, deal in made.items() if in_journal.get(deal.pk)} == set(PUT_BACK[who])


def test_what_lies_in_the_bin_or_is_gone_is_not_put_back(inside) -> None:
    deal = deals.create_deal(ROBOT, name="Shelves")
    deals.change_deal(ROBOT, deal.pk, source="Fair")
    changed = lambda: [entry.may_edit for entry in queries.journal(ROBOT)[0] if entry.event.name == "deal.changed" and entry.event.record_id == deal.pk]  # noqa: E731
    assert changed() == [True]
    writing.put_in_bin(ROBOT, DEAL, [deal.pk])
    assert changed() == [False]
    type(deal).objects.filter(pk=deal.pk).delete()
    assert changed() == [False]


@pytest.mark.parametrize("letters_", [30, 501, 5000])
@pytest.mark.parametrize(("who", "reaching", "told"), [("owner", None, True), ("seller", Scope.OWN, True), ("other", Scope.OWN, False), ("other", Scope.NONE, False)])
def test_the_next_step_of_a_card_is_read_by_who_may_see_its_task_however_long_it_is(inside, letters_: int, who: str, reaching: Scope | None, told: bool) -> None:
    people = cast()
    actor = people[who] if reaching is None else replace(people[who], rights={**people[who].rights, "tasks.view": reaching})
    deal = deals.create_deal(ROBOT, name="Shelves")
    tasks.add(ROBOT, text="s" * letters_, due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=people["seller"].user_id)
    rows = Deal.objects.filter(pk=deal.pk).values("id", "company_id", "responsible_id", "next_task_at", "next_task_text")
    dress(actor, found := list(rows))
    assert (found[0]["next_task_text"] == "s" * min(letters_, 500), found[0]["next_task_text"] == "a task") == (told, not told)
