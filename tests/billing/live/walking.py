"""An administrator who walks through the running product: what is pressed in Chromium, what the API, the screens and the mailbox say after it.

`WALK_SHOTS` names a folder for a picture of each step, wide and narrow.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.conftest import PASSWORD, Run

SHOTS = os.environ.get("WALK_SHOTS", "")
WIDTHS = ((1440, 900), (390, 844))
# Of what is counted, what no step may make fewer.
KEPT = ("contacts", "deals_open")
STEPS = ("state", "access", "plan", "past_due_since", "next_change_at")


class Walk:
    """One workspace and its owner before Chromium."""

    def __init__(self, run: Run, browser: Any, *, firm: str, slug: str) -> None:
        self.run, self.slug, self.email, self.home = run, slug, f"owner@{slug}.example", run.workspace(slug)
        self.browser, self._token, self._number, self._read = browser, "", 0, set[str]()
        self.page, self.problems = self.window(), list[str]()
        self.kept: dict[str, int] = {}
        self._sign_up(firm)

    def window(self) -> Any:
        """Another person's window; what its pages complain about is kept."""
        page = self.browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB").new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._complained(page, message))
        page.on("response", lambda answer: self.problems.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)
        return page

    def _complained(self, page: Any, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(f"{page.url}: {message.text}")

    def _sign_up(self, firm: str) -> None:
        page = self.page
        page.goto(f"{self.run.site}/start")
        page.fill("[name=email]", self.email)
        page.fill("[name=firm]", firm)
        page.wait_for_selector(f"[name=slug][value={self.slug}]")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{self.home}/board")
        self._token = self.run.crm("create-token", "--workspace", self.slug, "--email", self.email)["token"]

    # What is.

    def state(self) -> dict[str, Any]:
        """What /api/billing/state says."""
        status, body = self._ask("/api/billing/state", f"{self.slug}.localhost", {"Authorization": f"Bearer {self._token}"})
        assert status == 200, (status, body[:300])
        found: dict[str, Any] = json.loads(body)
        return found

    def _ask(self, path: str, host: str, headers: dict[str, str] | None = None, *, given: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.run.port, timeout=30)
        body = None if given is None else json.dumps(given)
        connection.request("GET" if given is None else "POST", path, body=body, headers={"Host": f"{host}:{self.run.port}", "Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def until(self, *, within: float = 90.0, **wanted: Any) -> dict[str, Any]:
        """Wait until the API says it; `bought` and `used` are of seats."""
        ends, found = time.monotonic() + within, dict[str, Any]()
        while time.monotonic() < ends:
            found = self.state()
            told = {**found, **found["seats"]}
            if all(told[name] == value for name, value in wanted.items()):
                return found
            time.sleep(0.5)
        raise AssertionError((wanted, {name: found[name] for name in (*STEPS, "seats")}))

    def letters(self) -> list[dict[str, str]]:
        """Those to the owner since the last look, the oldest first."""
        _status, body = self._ask(f"/messages.json?to={self.email}", "mail.localhost")
        fresh = [one for one in json.loads(body)["messages"][::-1] if one["name"] not in self._read]
        self._read |= {one["name"] for one in fresh}
        return fresh

    def mailed(self, *subjects: str, within: float = 60.0) -> list[dict[str, str]]:
        """Wait for letters whose subjects hold these words, each once and nothing else."""
        ends, found = time.monotonic() + within, list[dict[str, str]]()
        while time.monotonic() < ends and len(found) < len(subjects):
            found += self.letters()
            time.sleep(0.5)
        told = sorted(one["subject"] for one in found)
        assert len(told) == len(subjects), told
        assert all(any(words in subject for subject in told) for words in subjects), told
        return found

    def keeps(self) -> None:
        """Nothing is lost: as much of everything as at the first look, in the counters and in truth."""
        proved = self.run.crm("recount", "--workspace", self.slug)
        assert all(row["counter"] == row["count"] for row in proved.values()), proved
        found = {name: proved[name]["count"] for name in KEPT}
        self.kept = self.kept or found
        assert found == self.kept

    # What is done.

    def later(self, span: str) -> None:
        """Business time goes on."""
        self.run.crm("clock", "advance", span)

    def payments(self, verb: str, **given: Any) -> None:
        """What the stand-in is told to let go wrong."""
        status, body = self._ask(f"/_ctl/{verb}", "payments.localhost", given=given)
        assert status == 200, body

    def go(self, path: str) -> str:
        """To a page of the workspace; its text."""
        self.page.goto(f"{self.home}{path}")
        return self.text()

    def text(self) -> str:
        """What the page says, its spaces made one."""
        where = "main" if self.page.locator("main").count() else "body"
        return re.sub(r"\s+", " ", self.page.inner_text(where))

    def everything(self, path: str) -> str:
        """To a page; its text with what stands around it."""
        self.go(path)
        return re.sub(r"\s+", " ", self.page.inner_text("body"))

    def press(self, words: str, *, within: str = "main", exactly: bool = False) -> None:
        """A button or a link, by its words."""
        self.page.locator(f"{within} :is(button, a):{'text-is' if exactly else 'has-text'}({json.dumps(words, ensure_ascii=False)})").first.click()
        self.page.wait_for_load_state()

    def choose(self, plan: str, *, seats: int, when: str = "", begin: bool = False) -> str:
        """Look at a plan on the page of choice; returns what it comes to."""
        page = self.page
        self.go("/settings/plan/choose")
        page.check(f"[name=plan][value={plan}]")
        page.fill("[name=seats]", str(seats))
        if when:
            page.select_option("[name=when]", when)
        if begin:
            page.check("[name=begin]")
        page.wait_for_selector(f"#cost :text('seats: {seats},') >> nth=0")
        page.wait_for_timeout(600)  # the last field's look follows a little later
        return re.sub(r"\s+", " ", page.inner_text("#cost"))

    def pay(self, card: str, *, words: str = "Subscribe") -> None:
        """On the service's page: by a card."""
        self.page.check(f"[name=card][value={card}]")
        self.page.click(f"button:text-is({json.dumps(words, ensure_ascii=False)})")
        self.page.wait_for_load_state()

    def paper(self, number: str) -> bytes:
        """A document's PDF, from the page of invoices."""
        self.go("/settings/plan/invoices")
        with self.page.expect_download() as found:
            self.page.click(f"tr:has(th:text-is('{number}')) a:has-text('PDF')")
        return Path(found.value.path()).read_bytes()

    def colleague(self, name: str) -> Any:
        """An invited person comes in by the letter's link; returns their window."""
        letter = waited(lambda: self._newest(f"{name}@{self.slug}.example"))
        [link] = re.findall(rf"{re.escape(self.home)}/\S+", letter["text"])[:1]
        page = self.window()
        page.goto(link)
        if page.locator("[name=name]").count():
            page.fill("[name=name]", name)
        for field in page.locator("[type=password]").all():
            field.fill(PASSWORD)
        page.click("button:text-is('Come in')")
        page.wait_for_url(f"{self.home}/board")
        return page

    def _newest(self, email: str) -> dict[str, str] | None:
        _status, body = self._ask(f"/messages.json?to={email}", "mail.localhost")
        return next(iter(json.loads(body)["messages"]), None)

    def invite(self, *names: str) -> None:
        """Colleagues, by mail."""
        self.go("/settings/people/invite")
        self.page.fill("[name=emails]", "\n".join(f"{name}@{self.slug}.example" for name in names))
        self.press("Send the invitations")

    def shot(self, name: str, *, page: Any = None) -> None:
        """A picture, wide and narrow; no page is wider than its window."""
        page = page or self.page
        self._number += 1
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(250)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{name}: {over} px too wide at {width}"
            if SHOTS:
                Path(SHOTS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=f"{SHOTS}/{self.slug}-{self._number:02}-{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})

    def step(self, name: str, *paths: str, page: Any = None) -> None:
        """Say where the walk is, draw the pages, and prove that nothing is lost."""
        found = self.state()
        told = ", ".join(f"{one}={found[one]}" for one in STEPS)
        sys.stdout.write(f"{self.slug} · {name}: {told}, seats={found['seats']}, now={found['now'][:16]}\n")
        for path in paths:
            self.go(path)
            self.shot(f"{name}{path.replace('/', '-')}")
        self.keeps()
        assert not self.problems, self.problems


def waited(holds: Callable[[], Any], *, within: float = 60.0) -> Any:
    """Wait until it is true."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        found = holds()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("waited in vain")
