"""Money in a real browser: a plan is bought and changed by keyboard alone; axe on every page of it, light and dark, wide and narrow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as TooLate

from .conftest import PASSWORD, Run
from .test_journey import run_axe, tab_to, until

pytestmark = pytest.mark.browser

EMAIL = "books@tarief.example"
# Of a firm that has not bought: what is offered; of one that has: all.
OFFERED = ["/settings/plan", "/settings/plan/compare", "/settings/plan/choose", "/settings/plan/seats", "/settings/plan/seats/kinds", "/settings/plan/invoices", "/settings/plan/payers", "/settings/plan/rules"]
BOUGHT = [
    *OFFERED, "/settings/plan/choose?plan=business&seats=8", "/settings/plan/choose?plan=start&seats=3", "/settings/plan/choose?seats=0", "/settings/plan/seats/change?count=2&way=more", "/settings/plan/seats/change?count=1&way=fewer",
    "/settings/plan/seats/change?count=0", "/settings/plan/seats/stay", "/settings/plan/seats/people/1", "/settings/plan/payers/new", "/settings/plan/cancel", "/settings/plan/pause", "/settings/plan/return?session=none",
]  # fmt: skip


def enter(page: Any, up: Run, slug: str) -> str:
    home = up.workspace(slug)
    page.goto(f"{home}/account/login/")
    page.fill("[name=login]", f"{slug}-{EMAIL}")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(re.compile(f"{home}/(board|settings/first-hour)"))
    return home


def confirmed(page: Any, address: str) -> None:
    """Press Enter on what confirms the sum, and be at the address; else the page's own words say what kept it."""
    tab_to(page, "#cost form [type=submit]", most=60)
    page.keyboard.press("Enter")
    try:
        page.wait_for_url(address)
    except TooLate as late:
        raise AssertionError(f"still at {page.url}: {page.inner_text('main')}; focus on {page.evaluate('document.activeElement?.outerHTML')}") from late


def firm(up: Run, slug: str) -> None:
    up.crm("create-workspace", "--name", slug, "--slug", slug, "--email", f"{slug}-{EMAIL}", "--password-stdin", given=f"{PASSWORD}\n")


def buy(page: Any, home: str) -> None:
    """A plan by keyboard: looked at, confirmed, paid at the sandbox's page."""
    page.goto(f"{home}/settings/plan/choose?plan=team&seats=5&interval=month&begin=now&currency=EUR")
    tab_to(page, "#cost [name=provider][value=stripe]", most=120)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"//payments\.localhost"))
    assert not (found := run_axe(page)), found
    tab_to(page, "button")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"{home}/settings/plan"))
    until(page, lambda: page.url == f"{home}/settings/plan")


def test_a_plan_is_bought_and_changed_by_keyboard_alone(up: Run, page: Any) -> None:
    firm(up, "toetsen")
    home = enter(page, up, "toetsen")
    buy(page, home)
    assert "5 seats" in page.inner_text("main")
    tab_to(page, "a[href='/settings/plan/choose']", most=120)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/settings/plan/choose")
    tab_to(page, "[name=plan]:checked", most=120)
    page.keyboard.press("ArrowDown")  # from Team to Business
    tab_to(page, "#seats")
    page.keyboard.press("Control+a")
    page.keyboard.type("6")
    until(page, lambda: "Business, seats: 6" in page.inner_text("#cost"))
    due = page.get_attribute("#cost [data-total=now] data", "value")
    confirmed(page, f"{home}/settings/plan")
    assert "6 seats" in page.inner_text("main")
    page.goto(f"{home}/settings/plan/invoices")
    assert due in [one.get_attribute("value") for one in page.locator("td data").all()]
    # two seats more, and one given back, by keyboard
    page.goto(f"{home}/settings/plan/seats/change")
    tab_to(page, "#count", most=120)
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    until(page, lambda: "Add 2 seats" in page.inner_text("#cost"))
    confirmed(page, f"{home}/settings/plan/seats")
    assert "1 of 8 seats" in (said := page.inner_text("main")), said


@pytest.fixture(scope="module")
def bought(up: Run, chromium: Any) -> str:
    """A firm with a plan, near its ceiling, with a company that pays, seats by the day, a code that is wrong."""
    firm(up, "rekening")
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    page = context.new_page()
    home = enter(page, up, "rekening")
    buy(page, home)
    for path, values, form in (
        ("/settings/plan/payers/new", {"name": "Общество с ограниченной ответственностью «Северо-Западная столярная мастерская»", "country": "NL"}, "form:has([name=country])"),
        ("/settings/plan/rules", {"ceiling": "110"}, "form:has([name=ceiling])"), ("/settings/plan/seats/kinds", {"days": "5"}, "form:has([name=days])"),
    ):  # fmt: skip
        page.goto(home + path)
        for name, value in values.items():
            (page.select_option if name == "country" else page.fill)(f"main [name={name}]", value)
        page.click(f"main {form} [type=submit]")
        page.wait_for_selector(".toast")
    context.close()
    return "rekening"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_before_a_plan_is_bought(up: Run, chromium: Any, scheme: str) -> None:
    firm(up, f"proef-{scheme}")
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    home = enter(page, up, f"proef-{scheme}")
    wrong = [f"{path} {line}" for path in OFFERED for line in (page.goto(home + path), run_axe(page))[1]]
    page.goto(f"{home}/settings/plan/choose?plan=team&seats=5&begin=now&currency=EUR")
    page.click("#cost [name=provider][value=stripe]")
    page.wait_for_url(re.compile(r"//payments\.localhost"))
    session = page.url.rpartition("/")[2]
    for path in (f"/settings/plan/return?session={session}", "/settings/plan"):  # the payment is begun, not finished
        page.goto(home + path)
        wrong += [f"{path} {line}" for line in run_axe(page)]
    assert "A payment was begun" in page.inner_text("main")
    context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_of_money(up: Run, chromium: Any, bought: str, scheme: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    home = enter(page, up, bought)
    wrong = []
    for path in [f"{home}{path}" for path in BOUGHT] + [f"{up.site}/prices?seats=7&plan=crew&addon:contacts_10k=2", f"{up.site}/prices?seats=30&currency=UZS"]:
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
        wrong += [f"{path} {line}" for line in run_axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            wrong.append(f"{path} scrolls sideways at {width} px")
    page.goto(f"{home}/settings/plan")
    assert "of the ceiling of" in page.inner_text("main")
    context.close()
    assert not wrong, "\n".join(wrong)
