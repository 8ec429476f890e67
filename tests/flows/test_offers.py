"""What a page offers, its reader may do: every link, button and form of every page is pressed by the whole cast, and none is refused for want of a right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.saved_views import services as saved_views
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.products import services as products
from crm_platform.accounts import roles
from crm_platform.accounts.models import Role, User
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import PlanRefusal
from crm_platform.kernel.http.errors import render_refusal
from crm_platform.kernel.permissions import Actor, robot
from tenants import middleware
from tests.conftest import Door
from tests.factories.cast import cast

ROBOT = robot("test")
CAST = {"owner": "otto", "administrator": "ada", "manager": "mia", "seller": "sam", "viewer": "vera"}
PAGES = (
    "/board", "/deals", "/deals?q=shelves", "/contacts", "/companies", "/products", "/products?q=nothing-of-the-kind", "/day", "/day?whose=team", "/funnel", "/search?q=s", "/search/as-one-types", "/bin",
    "/bin?entity=deal", "/settings", "/settings/profile", "/settings/people", "/settings/roles", "/settings/tokens", "/settings/journal", "/settings/plan", "/settings/firm", "/settings/pipelines", "/settings/fields", "/settings/first-hour",
)  # fmt: skip
# Leaving is nobody's to refuse; the second factor and the sessions ask for the password first.
LEFT = ("/account/", "/language", "/static/")


@dataclass(slots=True)
class Form:
    """A form as a browser would send it."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Offers(HTMLParser):
    """The links and forms of a page; what is disabled is not offered."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.links, self.forms, self._form, self._select = at, [], [], None, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.links += [given[name] for name in ("href", "hx-get", "data-lose", "data-move-menu") if given.get(name, "").startswith(("/", "?"))]
        if "data-move" in given:
            self.forms.append(Form(given["data-move"]))
        if tag == "form" and given.get("method") == "post":
            self._form = Form(given.get("action") or self.at)
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in given:
            self._control(tag, given)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        if tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and (self._select not in self._form.values or "selected" in given):
            self._form.values[self._select] = given.get("value", "")
        elif tag == "input" and given.get("name") and given.get("type") not in ("checkbox", "file") and given["name"] != "once":
            self._form.values[given["name"]] = given.get("value", "") or "1"
        elif tag == "textarea" and given.get("name"):
            self._form.values[given["name"]] = "words"
        elif tag == "input" and given.get("type") == "checkbox" and given.get("name"):
            self._form.buttons.append((given["name"], given.get("value", "on")))
        elif tag == "button":
            self._form.buttons.append((given.get("name", ""), given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            if self._form is not None and not self._form.buttons:
                self.forms.remove(self._form)
            self._form = None
        elif tag == "select":
            self._select = ""


def furnish(people: dict[str, Actor]) -> list[str]:
    """Records of everyone, with notes, tasks, files' places and a history, some in the bin; the addresses of their cards."""
    cards = []
    for owner in ("seller", "mate", "other", "manager"):
        who = people[owner].user_id
        company = companies.create_company(ROBOT, name=f"Shelves of {owner}", responsible_id=who)
        contact = contacts.create_contact(ROBOT, first_name="Shelves", last_name=owner, responsible_id=who, companies=[{"company_id": company.pk}])
        deal = deals.create_deal(ROBOT, name=f"Shelves for {owner}", company_id=company.pk, contacts=[{"contact_id": contact.pk}], responsible_id=who)
        product = products.create_product(ROBOT, name=f"Shelf of {owner}", responsible_id=who)
        won = deals.create_deal(ROBOT, name=f"Won shelves of {owner}", responsible_id=who, company_id=company.pk)
        deals.win_deal(ROBOT, won.pk)
        for code, record in (("company", company), ("contact", contact), ("deal", deal), ("product", product), ("deal", won)):
            kind = registry.find(code)
            writing.change(ROBOT, kind, record.pk, {"external_id": f"{owner}-{record.pk}"} if code == "product" else {"source": "Fair"} if code == "deal" else {"site": "example.org"})
            cards.append(kind.url(record.pk))
        notes.add(people[owner], entity="deal", pk=deal.pk, text="Likes oak", pinned=True)
        for promised in ("seller", "mate", "other"):
            task = tasks.add(ROBOT, text=f"Call {promised}", due_at=clock.now() - timedelta(days=1), entity="deal", record_id=deal.pk, responsible_id=people[promised].user_id)
            cards.append(f"/tasks/{task.pk}")
        tasks.complete(ROBOT, task.pk)
        gone = deals.create_deal(ROBOT, name=f"Binned of {owner}", responsible_id=who)
        notes.add(people[owner], entity="deal", pk=gone.pk, text="Liked oak", pinned=True)
        writing.put_in_bin(ROBOT, registry.find("deal"), [gone.pk])
        cards.append(registry.find("deal").url(gone.pk))
    shared = saved_views.save(people["owner"], entity="deal", name="For all", query="q=shelves", shared=True)
    return [*cards, f"/deals?{saved_views.address(shared)}"]


@pytest.fixture
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """While its flag is set, the next unit is refused at its very end: whatever was let through is taken back."""
    flag = {"on": False}
    settle = gates.settle

    def refuse() -> None:
        if flag["on"]:
            flag["on"] = False
            raise PlanRefusal(metric="contacts", limit=0, ceiling=0, used=0)
        settle()

    def drawn(request: Any, error: Any) -> Any:
        flag["on"] = False  # the answer to a refusal is drawn in a unit of its own
        return render_refusal(request, error)

    monkeypatch.setattr(gates, "settle", refuse)
    monkeypatch.setattr(middleware, "render_refusal", drawn)
    return flag


def status_of(answer: Any) -> int:
    """The status; what streams is closed unread."""
    answer.close()
    return int(answer.status_code)


def follow(client: Client, at: str, offers: Offers, pressed: set[Any]) -> Iterator[str]:
    """Go where the page's links lead, each once."""
    for link in offers.links:
        link = f"{at.partition('?')[0]}{link}" if link.startswith("?") else link.partition("#")[0]
        if link in pressed or link.startswith(LEFT):
            continue
        pressed.add(link)
        status = status_of(client.get(link))
        if status in (403, 404):
            yield f"{at} links to {link}: {status}"


def send(client: Client, at: str, offers: Offers, pressed: set[Any], flag: dict[str, bool]) -> Iterator[str]:
    """Send the page's forms by each of their buttons, each once."""
    sendings = [(form, name, value) for form in offers.forms for name, value in form.buttons or [("", "")] if not form.action.startswith(LEFT)]
    for form, name, value in sendings:
        given = {**form.values, **({name: value} if name else {})}
        mark = (form.action, name, value, given.get("field", ""))
        if mark in pressed:
            continue
        pressed.add(mark)
        flag["on"] = True
        status = status_of(client.post(form.action, given))
        flag["on"] = False
        if status in (403, 404):
            yield f"{at} sends {form.action} {name}={value} {given}: {status}"


def press(client: Client, pages: list[str], flag: dict[str, bool]) -> list[str]:
    """Press all that the pages offer; what was refused, and where it stood."""
    refused: list[str] = []
    pressed: set[Any] = set()
    for at in pages:
        answer = client.get(at)
        if answer.status_code not in (403, 404):
            offers = Offers(at)
            offers.feed(answer.content.decode())
            refused += [*follow(client, at, offers, pressed), *send(client, at, offers, pressed, flag)]
    return refused


@pytest.mark.parametrize("who", CAST)
@pytest.mark.usefixtures("workspace_addresses")
def test_nobody_is_offered_what_is_refused(doors: Door, nothing_is_kept, who: str) -> None:
    with doors.unit():
        cards = [*furnish(cast()), *(f"/settings/people/{pk}" for pk in User.objects.values_list("pk", flat=True))]
    client = doors.client(f"{CAST[who]}@veldhuis.example")
    refused = press(client, [*PAGES, *cards], nothing_is_kept)
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize("who", CAST)
@pytest.mark.usefixtures("workspace_addresses")
def test_an_empty_workspace_offers_nobody_what_is_refused(doors: Door, nothing_is_kept, who: str) -> None:
    with doors.unit():
        cast()
    refused = press(doors.client(f"{CAST[who]}@veldhuis.example"), list(PAGES), nothing_is_kept)
    assert not refused, "\n".join(refused)


def offered(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_who_may_change_no_row_is_given_nothing_to_choose_rows_with(doors: Door) -> None:
    with doors.unit():
        people = cast()
        contacts.create_contact(ROBOT, first_name="Anna", responsible_id=people["seller"].user_id)
    for who, shown in (("ada", True), ("sam", True), ("vera", False)):
        page = offered(doors.client(f"{who}@veldhuis.example"), "/contacts")
        marks = ('name="chosen"', "data-bulk-bar", "data-bulk-all", 'data-behaviour="bulk"', 'name="verb"')
        assert [mark in page for mark in marks] == [shown] * 5, who


def test_a_task_button_is_for_who_may_promise_something(doors: Door) -> None:
    with doors.unit():
        people = cast()
        deal = deals.create_deal(ROBOT, name="Shelves", responsible_id=people["seller"].user_id)
        seller = Role.objects.get(code=roles.SELLER)
        seller.rights = {"tasks.create": 0, "tasks.edit": 0}
        seller.save()
    for who, shown in (("mia", True), ("sam", False), ("vera", False)):
        client = doors.client(f"{who}@veldhuis.example")
        assert ('data-opens="new-task"' in offered(client, "/day"), 'id="new-task"' in offered(client, "/day"), 'id="write-task"' in offered(client, f"/deals/{deal.pk}")) == (shown,) * 3, who


def test_an_administrator_is_offered_neither_an_owners_access_nor_to_make_one(doors: Door) -> None:
    with doors.unit():
        people = cast()
        owner = Role.objects.get(code=roles.OWNER).pk
    for who, shown in (("otto", True), ("ada", False)):
        client = doors.client(f"{who}@veldhuis.example")
        for path in ("/settings/people/invite", f"/settings/people/{people['seller'].user_id}"):
            assert (f'<option value="{owner}"' in offered(client, path).partition('name="role"')[2].partition("</select>")[0]) is shown, (who, path)
        assert ("Close the access" in offered(client, f"/settings/people/{people['owner'].user_id}")) is shown
        assert f'<option value="{owner}" selected' in offered(client, f"/settings/people/{people['owner'].user_id}")


def test_a_day_does_not_lead_to_a_record_that_is_closed_to_its_reader(doors: Door) -> None:
    with doors.unit():
        people = cast()
        for who in ("seller", "other"):
            deal = deals.create_deal(ROBOT, name=f"Deal of {who}", responsible_id=people[who].user_id)
            tasks.add(ROBOT, text=f"About {who}", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=people["seller"].user_id)
    page = offered(doors.client("sam@veldhuis.example"), "/day")
    assert ('">Deal of seller</a>' in page, '">Deal of other</a>' in page, "Deal of other" in page) == (True, False, True)


def test_the_long_history_of_a_binned_record_can_be_read_to_its_end(doors: Door) -> None:
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        for number in range(32):
            notes.add(ROBOT, entity="deal", pk=deal.pk, text=f"Note {number}")
        writing.put_in_bin(ROBOT, registry.find("deal"), [deal.pk])
    page = doors.client().get("/timeline/deal/1?before=9999999")
    assert (page.status_code, "Edit" in page.content.decode()) == (200, False)
