"""What a stranger does on the first day, by keyboard alone; and axe on every page, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import axe_core_python.sync_playwright as axe
import pytest
from playwright.sync_api import TimeoutError as TooLate

from .conftest import PASSWORD, Run, log_in

pytestmark = pytest.mark.browser

SITE = ["/", "/prices", "/start", "/find", "/terms", "/privacy", "/design"]
INSIDE = [
    "/board", "/settings/first-hour", "/deals", "/deals/1", "/deals/1/edit", "/deals/new", "/contacts", "/contacts/1", "/contacts/1/edit", "/companies", "/companies/1", "/products", "/products/1", "/day",
    "/funnel", "/imports", "/search?q=vis", "/bin", "/settings/profile", "/settings/people", "/settings/people/invite", "/settings/people/2", "/settings/roles", "/settings/tokens",
    "/settings/plan", "/settings/firm", "/settings/pipelines", "/settings/fields", "/settings/journal", "/account/2fa/", "/account/2fa/totp/activate/", "/account/sessions/",
    "/account/password/change/", "/nowhere",
]  # fmt: skip


def tab_to(page: Any, selector: str, *, most: int = 80) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(most):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait up to ten seconds; the page's own policy forbids Playwright's evaluated waits."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("waited in vain")


def press_until_at(page: Any, key: str, url: str) -> None:
    """Press a page's key as a person does, again where a machine under load swallowed it just after the page changed."""
    for _ in range(10):
        page.keyboard.press(key)
        page.wait_for_timeout(1000)
        if page.url == url:
            page.wait_for_url(url)
            return
    raise AssertionError(f"the key {key} does not lead to {url}")


def test_sign_up_board_card_and_import_by_keyboard_alone(up: Run, page: Any, tmp_path: Path) -> None:
    page.goto(f"{up.site}/start")
    tab_to(page, "[name=email]")
    page.keyboard.type("marta@atelier-noord.example")
    tab_to(page, "[name=firm]")
    page.keyboard.type("Atelier Noord")
    until(page, lambda: page.input_value("[name=slug]") == "atelier-noord")
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    home = up.workspace("atelier-noord")
    page.wait_for_url(f"{home}/board")
    assert "Your first deal" in page.content()
    assert not run_axe(page)
    # a deal, by the key N
    press_until_at(page, "n", f"{home}/deals/new")
    tab_to(page, "[name=name]")
    page.keyboard.type("Shelves for the library")
    tab_to(page, "[name=sum]")
    page.keyboard.type("9 640,50")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/deals/1")
    assert "€9,640.50" in page.content()
    # a note on its card
    tab_to(page, "textarea[name=text]")
    page.keyboard.type("They want oak.")
    tab_to(page, "#write-note [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=They want oak.")
    # moved on the board with M
    page.goto(f"{home}/board")
    tab_to(page, ".deal__name a")
    page.keyboard.press("m")
    page.wait_for_selector("#modal[open] select[name=stage]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#modal [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("section.stage:nth-of-type(2) .deal")
    # an import
    table = tmp_path / "people.csv"
    table.write_text("First name;Last name;Phone;Company\nMaria;Aksyonova;+7 846 555-01-42;Zerno\nDaan;Visser;020 555 0188;Bergh\n")
    page.goto(f"{home}/imports")
    page.set_input_files("[name=file]", str(table))  # the system's own dialog cannot be driven
    tab_to(page, "form [type=submit].btn--primary")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/imports/1")
    tab_to(page, "[name=verb][value=start]", most=160)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Undo the import", timeout=30000)
    # found by half a phone, as one types
    page.keyboard.press("/")
    page.keyboard.type("5550188")
    page.wait_for_selector("#palette-found [role=option] >> text=Daan Visser")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/contacts/*")
    assert "Daan Visser" in page.content()


def run_axe(page: Any) -> list[str]:
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]})
    return [f"{violation['id']}: {violation['nodes'][0]['html'][:160]}" for violation in found["violations"]]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(up: Run, chromium: Any, scheme: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    wrong = []
    for path in SITE:
        page.goto(up.site + path)
        wrong += [f"{path} {line}" for line in run_axe(page)]
    home = log_in(page, up)
    for path in INSIDE:
        page.goto(home + path)
        wrong += [f"{path} {line}" for line in run_axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            wrong.append(f"{path} scrolls sideways at {width} px")
    context.close()
    assert not wrong, "\n".join(wrong)


WORDS = "[...document.querySelectorAll('.foot-nav__name')].map(word => { const box = word.getBoundingClientRect(), edge = parseFloat(getComputedStyle(word).paddingLeft); return [box.left + edge, box.right - edge, box.height]; })"


@pytest.mark.parametrize("width", [390, 320])
def test_the_words_at_the_foot_never_touch_in_any_language(up: Run, chromium: Any, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 844}, bypass_csp=True)
    page = context.new_page()
    home = log_in(page, up)
    for language in ("ru", "fr", "nl", "uz", "en"):
        page.evaluate("language => fetch('/language', {method: 'POST', headers: {'X-CSRFToken': document.querySelector('[name=csrfmiddlewaretoken]').value}, body: new URLSearchParams({language, next: '/'}), redirect: 'manual'})", language)
        page.goto(f"{home}/board")
        assert page.evaluate("document.documentElement.lang") == language
        words = page.evaluate(WORDS)
        assert len(words) == 5
        assert all(second[0] - first[1] >= 6 for first, second in pairwise(words)), (language, words)
        assert max(height for _left, _right, height in words) < 24, (language, words)  # one line each
    context.close()


BESIDE = """words => { const title = document.querySelector('.topbar__title'), name = title.querySelector('h1');
  title.querySelectorAll('span').forEach(one => one.remove()); name.textContent = words;
  title.insertAdjacentHTML('beforeend', '<span class="quiet small">14 ждут, самая старая – 23 дня</span>');
  return [name.scrollWidth, name.clientWidth] }"""
LEVEL = """() => { document.querySelector('.stat__label').textContent = 'Requests in the last hour of the busiest day';
  return [...document.querySelectorAll('.stats .stat__value')].map(one => Math.round(one.getBoundingClientRect().top)) }"""


def test_a_name_stands_whole_beside_its_figures_and_figures_stand_level(up: Run, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True)
    page = context.new_page()
    home = log_in(page, up)
    page.goto(f"{home}/unsorted")
    for words in ("Unsorted", "Неразобранное"):
        wanted, has = page.evaluate(BESIDE, words)
        assert wanted <= has, (words, wanted, has)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{home}/funnel")
    tops = page.evaluate(LEVEL)
    assert len(tops) > 2, tops
    assert len(set(tops)) == 1, tops
    context.close()


OPENED = """id => { const box = document.getElementById(id).getBoundingClientRect(), fill = getComputedStyle(document.getElementById(id)).backgroundColor;
  return {left: box.left, top: box.top, right: box.right, bottom: box.bottom, solid: !/, 0\\)|transparent/.test(fill)} }"""
MENUS = {1440: [("/contacts", "firm-menu"), ("/contacts", "export-menu"), ("/deals", "filters"), ("/contacts/1", "card-menu")], 390: [("/deals", "filters"), ("/contacts/1", "card-menu"), ("/day", "more-places")]}


@pytest.mark.parametrize("width", [1440, 390])
def test_menus_open_at_their_button_and_the_palette_in_the_middle(up: Run, chromium: Any, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    home = log_in(page, up)
    for path, menu in MENUS[width]:
        page.goto(home + path)
        button = page.locator(f"[popovertarget={menu}]")
        button.click()
        at, box = button.bounding_box(), page.evaluate(OPENED, menu)
        assert box["solid"], f"{menu} has no ground"
        assert 0 <= box["left"] < box["right"] <= width, (menu, box)
        assert min(abs(box["top"] - at["y"] - at["height"]), abs(box["bottom"] - at["y"])) < 12, (menu, at, box)
        assert not run_axe(page), menu
    page.goto(f"{home}/contacts")
    page.locator("[data-behaviour~=palette-open]:visible").click()
    page.keyboard.type("visser")
    page.wait_for_selector("#palette-found [role=option] >> text=Daan Visser")
    box = page.evaluate(OPENED, "palette")
    assert box["solid"]
    assert abs(box["left"] - (width - box["right"])) < 2
    assert not run_axe(page)
    if width == 390:
        page.goto(f"{home}/day")
        page.click("[popovertarget=more-places]")
        page.click("#more-places >> text=Settings")
        page.wait_for_url(f"{home}/settings/**")
    context.close()


def test_a_reason_for_losing_is_asked_only_of_a_lost_deal(up: Run, page: Any) -> None:
    home = log_in(page, up)
    page.goto(f"{home}/deals/new")
    assert not page.is_visible("[name=lost_reason]")
    page.select_option("[name=stage]", label="Lost")
    assert page.is_visible("[name=lost_reason]")
    page.fill("[name=name]", "Lost at once")
    page.click("main [type=submit]")
    page.wait_for_selector("[name=lost_reason][aria-invalid=true]")
    page.select_option("[name=stage]", label="New enquiry")
    assert page.is_visible("[name=lost_reason]"), "what has an error stays in sight"


def _drag(page: Any, card: str, target: str, *, lands: bool = True) -> None:
    page.locator(card).hover()
    page.mouse.down()
    box = page.locator(target).bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 200)
    for step in range(1, 6):
        start = page.locator(card).first.bounding_box() or box
        page.mouse.move(start["x"] + (middle[0] - start["x"]) * step / 5, start["y"] + (middle[1] - start["y"]) * step / 5, steps=3)
    for nudge in range(100):  # the browser tells the page of a drag in its own time
        page.mouse.move(middle[0] + nudge % 2, middle[1], steps=2)
        page.wait_for_timeout(50)
        if nudge > 2 and (page.locator(target).locator(card).count() or not lands):
            break
    page.mouse.up()


def _opens(page: Any, selector: str) -> bool:
    try:
        page.wait_for_selector(selector, timeout=8_000)
    except TooLate:
        return False
    return True


def test_cards_are_dragged_to_a_column_to_won_to_lost_and_nowhere(up: Run, page: Any) -> None:
    home = log_in(page, up)
    page.wait_for_selector("#board.board")
    page.wait_for_timeout(500)  # the drag's module comes after the page
    first, second = page.locator(".stage__cards").nth(0), page.locator(".stage__cards").nth(1)
    name = first.locator(".deal__name").first.inner_text()
    card = f".deal:has-text('{name}')"
    _drag(page, card, ".stage >> nth=1")
    page.wait_for_selector(f".stage >> nth=1 >> text={name}")
    page.wait_for_selector(".toast")
    assert second.locator(".deal__name", has_text=name).count() == 1
    before = page.locator(".stage .deal").count()
    # beside the board: it goes back
    _drag(page, card, ".rail__foot", lands=False)
    page.wait_for_timeout(600)
    assert second.locator(".deal__name", has_text=name).count() == 1
    # lost asks for the reason and the card stays until it is given
    for _try in range(3):  # on a busy machine the browser lets a drag fall before it is over; a hand drags again
        _drag(page, card, ".board-foot__zone[data-kind=lost]")
        if _opens(page, "#modal[open] [name=lost_reason]"):
            break
    assert page.is_visible("#modal[open] [name=lost_reason]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#modal", state="hidden")
    assert page.locator(".stage .deal").count() == before
    with page.expect_response(lambda answer: answer.url.endswith("/move")) as answered:
        _drag(page, card, ".board-foot__zone[data-kind=won]")
    assert answered.value.ok
    page.wait_for_function(f"document.querySelectorAll('.stage .deal').length === {before - 1}")
    page.wait_for_load_state("networkidle")
    page.goto(f"{home}/deals?state=won&q={name.split()[0]}")
    assert name in page.content()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_card_is_moved_by_its_button(up: Run, chromium: Any, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    home = log_in(page, up)
    name = page.locator(".deal__name").first.inner_text()
    page.locator(".deal__move").first.click()
    page.wait_for_selector("#modal[open]")
    assert page.url.rstrip("/").startswith(f"{home}/board")
    page.select_option("#modal [name=stage]", label="Agreeing terms")
    page.locator("#modal [type=submit]").click()
    page.wait_for_selector(f".stage >> nth=3 >> text={name}")
    context.close()


def test_a_refused_settings_form_keeps_what_was_typed(up: Run, page: Any) -> None:
    home = log_in(page, up)
    page.goto(f"{home}/settings/pipelines")
    probability = page.locator("[name=probability]").first
    probability.fill("900")
    page.locator("button[form^='s-'] >> text=Save").first.click()
    page.wait_for_selector(".toast[role=alert]")
    assert probability.input_value() == "900"
    assert page.url == f"{home}/settings/pipelines"
    probability.fill("15")
    with page.expect_navigation():
        page.locator("button[form^='s-'] >> text=Save").first.click()
    page.wait_for_selector(".toast")
    assert page.locator("[name=probability]").first.input_value() == "15"
