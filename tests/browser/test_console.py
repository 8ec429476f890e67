"""The operators' console in Chromium: the way in with a second factor, what is done by hand, and axe on every page, light and dark, wide and narrow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.billing.console.desk import totp

from .conftest import PASSWORD, ROOT, Run, clean_environment
from .test_journey import run_axe

pytestmark = pytest.mark.browser
EMAIL = "olga@op.example"
PAGES = [
    "/", "/workspaces", "/workspaces?state=frozen&sort=-seats", "/workspaces?find=nobody-such", "/unpaid", "/transfers", "/transfers?state=ignored", "/transfers/recorded", "/transfers/1", "/refunds", "/events",
    "/events?status=orphan", "/drift", "/plans", "/plans/team", "/plans/team/new", "/add-ons/contacts_10k", "/add-ons/contacts_10k/new", "/coupons", "/journal", "/operators", "/me", "/revenue", "/revenue?currency=RUB",
    "/revenue/moves", "/revenue/moves?kind=new", "/revenue/cohorts", "/account/2fa/", "/account/2fa/recovery-codes/", "/nowhere",
]  # fmt: skip


@pytest.fixture(scope="module")
def operator(up: Run, chromium: Any) -> Iterator[tuple[str, Any]]:
    """The console's address, and the cookies of an operator who has come in; the run is filled first."""
    filled = subprocess.run([sys.executable, "-m", "tests.factories.console", str(up.data), "5"], capture_output=True, text=True, env=clean_environment(), cwd=ROOT)
    assert filled.returncode == 0, filled.stderr
    up.crm("create-operator", "--email", EMAIL, "--name", "Olga Operator", "--role", "admin", "--password-stdin", given=f"{PASSWORD}\n")
    home = f"http://operator.localhost:{up.port}"
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{home}/")
    page.fill("[name=login]", EMAIL)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/account/**")
    if page.locator("[name=password]").count():
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
    page.wait_for_url("**/totp/activate/**")
    secret = re.search(r"\b([A-Z2-7]{32})\b", page.content())
    assert secret
    page.fill("[name=code]", totp(secret.group(1)))
    page.press("[name=code]", "Enter")
    page.wait_for_url("**/recovery-codes/")
    yield home, context.storage_state()
    context.close()


def _first(page: Any, pattern: str) -> str:
    """The first address on the page that looks so."""
    found = re.search(rf'href="({pattern})"', page.content())
    assert found, pattern
    return found.group(1)


@pytest.mark.parametrize("third", [0, 1, 2])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_console(operator: tuple[str, Any], chromium: Any, scheme: str, width: int, third: int) -> None:
    home, state = operator
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, storage_state=state)
    page = context.new_page()
    page.goto(f"{home}/workspaces?find=demo")
    one = _first(page, r"/workspaces/\w+")
    page.goto(home + one)
    more = [one, _first(page, r"/workspaces/\w+/refund/\w+"), _first(page, r"/workspaces/\w+/transfer/\w+")]
    page.goto(f"{home}/unpaid")
    more.append(_first(page, r"/workspaces/\w+"))
    wrong = []
    for path in [*PAGES, *more][third::3]:
        page.goto(home + path)
        wrong += [f"{path} {line}" for line in run_axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            wrong.append(f"{path} scrolls sideways at {width} px")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_a_statement_is_read_settled_and_the_bill_is_paid(operator: tuple[str, Any], chromium: Any, tmp_path: Path) -> None:
    home, state = operator
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, storage_state=state, accept_downloads=True)
    page = context.new_page()
    table = tmp_path / "statement.csv"
    table.write_text("date;amount;currency;name;purpose;reference\n2026-11-26;13,00;EUR;Lumen BV;no reference at all;B1\n")
    page.goto(f"{home}/transfers")
    page.set_input_files("[name=file]", str(table))
    page.click("text=Read it")
    page.wait_for_selector("text=Unknown: 1")
    page.click("tr:has-text('Lumen BV') >> text=Settle")
    page.wait_for_selector("text=Which bill does it pay?")
    page.click("tr:has-text('P-2026-0002') >> text=It pays this one")
    page.click("text=Record it for P-2026-0002")
    page.wait_for_selector("text=Recorded for P-2026-0002.")
    page.goto(f"{home}/workspaces?find=demo")
    page.goto(home + _first(page, r"/workspaces/\w+"))
    page.wait_for_selector("text=€100 owed")
    with page.expect_download() as paper:
        page.click("tr:has-text('P-2026-0002') >> text=PDF")
    assert Path(paper.value.path()).read_bytes().startswith(b"%PDF-")
    page.click("tr:has-text('P-2026-0002') >> text=Money came")
    page.wait_for_selector("[name=amount]")
    assert page.input_value("[name=amount]") == "100"
    page.click("text=Record it")
    page.wait_for_selector("text=Recorded for P-2026-0002.")
    assert page.locator("tr:has-text('P-2026-0002') >> text=Paid").count()
    page.goto(f"{home}/journal")
    assert page.locator("text=Line of a statement settled").count()
    context.close()
