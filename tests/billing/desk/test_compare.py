"""Plans beside each other with the workspace's own numbers: what would freeze, to the last module."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from billing.metering.models import Counter
from billing.subscribing import overview
from crm_platform.db import sides
from tests.billing.buying import Firm


def counts(firm: Firm, **used: int) -> None:
    with sides.unit(firm.place):
        for metric, value in used.items():
            Counter.objects.update_or_create(metric=metric.replace("__", "."), defaults={"value": value})


def card(page: str, code: str) -> str:
    return re.search(rf'<article[^>]*aria-labelledby="c-{code}".*?</article>', page, re.DOTALL).group(0)


def test_each_plan_says_what_would_freeze(firm: Firm) -> None:
    firm.buy(seats="9")
    counts(firm, users=9, contacts=30_000, pipelines=2, automations=60, fields__deal=30)
    page = firm.door.client().get("/settings/plan/compare").content.decode()
    free, start, team = card(page, "free"), card(page, "start"), card(page, "team")
    for said in ("4 people without a seat", "Contacts and companies: 30,000 of 5,000", "Automations: 60 of 10", "Custom fields: 30 of 25", "Mass mailings: not in the plan"):
        assert said in free, said
    assert "Contacts and companies: 30,000 of 25,000" in start
    assert "without a seat" not in start
    assert "Nothing would freeze" in team
    assert "your plan" in team
    assert '<data value="171' in team  # nine people, 19.00 each
    assert {one.plan for one in overview.compare(firm.place)} == set(re.findall(r'aria-labelledby="c-(\w+)"', page))
    assert "Custom fields" in page[page.index("<tbody>") :]


def test_the_look_at_a_plan_says_it_too(firm: Firm) -> None:
    client = firm.door.client()
    firm.buy()
    counts(firm, automations=60)
    assert "Automations: 60 of 50" in client.get("/settings/plan/choose?plan=start&seats=5").content.decode()
    assert "Automations: 60 of 10" in client.get("/settings/plan/cancel").content.decode()


def test_it_costs_the_same_with_one_figure_and_with_three(firm: Firm, count_statements: Any) -> None:
    client: Client = firm.door.client()
    firm.buy()
    found = []
    for metric in ("contacts", "automations", "mailboxes"):
        counts(firm, **{metric: 10_000})
        client.get("/settings/plan/compare")
        with count_statements() as count:
            assert client.get("/settings/plan/compare").status_code == 200
        found.append(count())
    assert found[0] == found[1] == found[2], found
