"""A form on a static page of another site, filled in Chromium, is in the inbox within two seconds with its marks."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .test_wizard import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A site of static pages."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_given: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://shop.localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_on_a_static_page_is_in_the_inbox_within_two_seconds(up: Run, page: Any, elsewhere: tuple[Path, str]) -> None:
    folder, site = elsewhere
    home = sign_in(page, up, "intake-firm")
    page.goto(f"{home}/settings/lead-sources")
    page.fill("[name=name]", "Shop window")
    page.select_option("[name=kind]", "form")
    page.click("text=Make it")
    page.wait_for_selector("text=Build the form")
    page.click("text=Build the form")
    page.fill("[name=sites]", site)
    page.click("form[action$='/words'] [type=submit]")
    page.wait_for_selector("text=Saved.")
    page.click("form[action$='/publish'] button")
    page.wait_for_selector("text=By script")
    script = re.search(r"(http\S+/f/\w+)/embed\.js", page.content())
    assert script
    (folder / "oak.html").write_text(f'<!doctype html><title>Oak</title><h1>Oak shelves</h1><script src="{script.group(1)}/embed.js" async></script>')
    shop = page.context.new_page()
    shop.goto(f"{site}/oak.html?utm_source=ads&utm_campaign=Spring", referer="http://search.localhost/")
    frame = shop.frame_locator("iframe")
    frame.locator("[name=f1]").fill("Camille Duquesnoy")
    frame.locator("[name=f3]").fill("camille@maison.example")
    frame.locator("[name=f4]").fill("Oak shelves for a reading room")
    shop.wait_for_timeout(1500)
    frame.locator("[type=submit]").click()
    frame.locator("text=We have it").wait_for()
    sent = time.monotonic()
    while "Camille Duquesnoy" not in page.goto(f"{home}/unsorted").text():
        assert time.monotonic() - sent < 10
    took = time.monotonic() - sent
    text = page.inner_text("main")
    for shown in ("Camille Duquesnoy", "Oak shelves for a reading room", "Shop window", "ads", "Spring", f"{site}/oak.html"):
        assert shown in text, shown
    assert took < 2
    shop.close()
