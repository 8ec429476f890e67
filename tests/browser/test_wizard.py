"""The real spreadsheet through the wizard: accounts, products, 8,800 opportunities; the funnel; undo."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.test_import_real import DATA, needs_data

from .conftest import PASSWORD, Run

pytestmark = pytest.mark.browser


def sign_in(page: Any, up: Run, slug: str) -> str:
    up.crm("create-workspace", "--name", "Wizard", "--slug", slug, "--email", "w@wizard.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
    home = up.workspace(slug)
    page.goto(f"{home}/account/login/")
    page.fill("[name=login]", "w@wizard.example")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{home}/board")
    return home


def bring_in(page: Any, home: str, name: str, *, says: tuple[str, ...] = ()) -> None:
    page.goto(f"{home}/imports")
    page.set_input_files("[name=file]", str(DATA / name))
    page.click("form [type=submit].btn--primary")
    page.wait_for_selector("[name=verb][value=start]")
    for said in says:
        page.wait_for_selector(f"text={said}", timeout=60_000)
    page.click("[name=verb][value=start]")
    page.wait_for_selector("text=Undo this import", timeout=120_000)


@needs_data
def test_the_real_deals_come_in_count_and_go_back(up: Run, page: Any) -> None:
    home = sign_in(page, up, "wizard-firm")
    bring_in(page, home, "b2b-sales/accounts.csv")
    bring_in(page, home, "b2b-sales/products.csv")
    counted = ("8,800 different values, good as a key", "85 companies, all here already. Empty in 1,425 rows", "Empty in 2,089 rows", "Nothing in the file looks like what you have.")
    bring_in(page, home, "b2b-sales/sales_pipeline.csv", says=("Two of these look like one", "1,480 rows get the price-list product", "was GTXPro", *counted))
    text = page.inner_text("main")
    assert "GTXPro" in text
    assert "Engaging, Prospecting" in text or "Prospecting, Engaging" in text
    undo = page.url
    page.goto(f"{home}/funnel")
    figures = page.inner_text("main")
    for wanted in ("8,800", "€10,005,534", "4,238", "2,473", "1,589", "500", "63.2", "Darcel Schlecht", "€1,153,214"):
        assert wanted in figures, wanted
    page.goto(f"{home}/settings/people?access=none")
    assert page.locator("tbody tr").count() == 30
    page.goto(f"{home}/board")
    assert "1,589" in page.inner_text("main")
    page.goto(undo)
    page.click("text=Undo the import")
    page.wait_for_selector("h2:text-is('Undone') >> nth=0", timeout=120_000)  # "Being undone" comes first
    page.goto(f"{home}/funnel")
    assert "8,800" not in page.inner_text("main")
    page.goto(f"{home}/settings/people?access=none")
    assert page.locator("tbody tr").count() == 0
