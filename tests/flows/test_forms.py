"""Double submits, lists in one count of statements, people, plans: through the real doors."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta

import pytest
from django.core import mail

from billing import services as plans
from crm_core.groundwork.records import writing
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import roles
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Access, Role, User
from crm_platform.jobs import serving
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import PlanRefusal
from crm_platform.kernel.permissions import robot
from tenants.inside.models import WorkspaceState
from tests.factories.cast import cast

ROBOT = robot("test")
OWNER = "olga@veldhuis.example"


def once_of(page: str) -> str:
    return re.search(r'name="once" value="([^"]+)"', page).group(1)


def test_a_form_sent_twice_is_done_once(doors) -> None:
    client = doors.client()
    number = once_of(client.get("/contacts/new").content.decode())
    form = {"once": number, "first_name": "Twice"}
    first, second = client.post("/contacts/new", form), client.post("/contacts/new", form)
    with doors.unit():
        made = Contact.objects.get(first_name="Twice")
    for answer in (first, second):
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/contacts/{made.pk}")
    by_htmx = client.post("/contacts/new", form, HTTP_HX_REQUEST="true")
    assert (by_htmx.status_code, by_htmx.headers["HX-Redirect"]) == (204, f"/contacts/{made.pk}")


def test_forms_sent_twice_at_once_lead_to_one_place(doors, monkeypatch) -> None:
    """The second arrives while the first is still at work, and waits for it."""
    number = once_of(doors.client().get("/contacts/new").content.decode())
    create, barrier = writing.create, threading.Barrier(3, timeout=20)
    led_to: list[str] = []

    def slowly(*given, **wish):
        time.sleep(0.4)
        return create(*given, **wish)

    def send() -> None:
        from django.db import connections

        try:
            client = doors.client()
            barrier.wait()
            led_to.append(client.post("/contacts/new", {"once": number, "first_name": "Twice"}).headers["Location"])
        finally:
            connections.close_all()

    monkeypatch.setattr(writing, "create", slowly)
    senders = [threading.Thread(target=send) for _at in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    with doors.unit():
        made = Contact.objects.get(first_name="Twice")
    assert led_to == [f"/contacts/{made.pk}"] * 3


def test_a_form_that_led_nowhere_leads_back_to_its_page(doors) -> None:
    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        stage = pipelines.everything().open_of(deal.pipeline_id)[1].pk
    form = {"once": "abc.1", "stage": stage}
    assert client.post(f"/deals/{deal.pk}/move", form, HTTP_HX_REQUEST="true").status_code == 204
    again = client.post(f"/deals/{deal.pk}/move", form, HTTP_REFERER="http://testserver/board?q=a")
    assert (again.status_code, again.headers["Location"]) == (303, "/board?q=a")


def test_a_refused_form_may_be_mended_and_sent_again(doors) -> None:
    client = doors.client()
    number = once_of(client.get("/contacts/new").content.decode())
    refused = client.post("/contacts/new", {"once": number})
    assert refused.status_code == 422
    assert "something to know the person by" in refused.content.decode()
    assert client.post("/contacts/new", {"once": number, "first_name": "Mended"}).status_code == 303


@pytest.mark.parametrize("path", ["/contacts", "/companies", "/deals", "/products", "/board", "/day", "/funnel", "/settings/people", "/search/as-one-types?q=row"])
def test_every_list_costs_the_same_with_one_row_and_with_three(doors, count_statements, path) -> None:
    from crm_core.engagement.tasks import services as tasks
    from crm_core.sales.products import services as products

    client, counts = doors.client(), []
    for number in range(4):
        with doors.unit():
            contact = contacts.create_contact(ROBOT, first_name=f"Row {number}", companies=[{"company": f"Row firm {number}"}], tag_ids=[])
            deal = deals.create_deal(ROBOT, name=f"Row {number}", contacts=[{"contact_id": contact.pk}], sum_minor=100)
            products.create_product(ROBOT, name=f"Row {number}")
            tasks.add(ROBOT, text=f"Row {number}", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=User.objects.get(email=OWNER).pk)
        client.get(path)
        looks = []
        for _again in range(2):  # what is kept for a few seconds is read anew now and then
            with count_statements() as count:
                assert client.get(path).status_code == 200
            looks.append(count())
        counts.append(min(looks))
    assert counts[0] == counts[2] == counts[3], counts


def test_ten_are_invited_at_once_and_one_comes_in(doors) -> None:
    client = doors.client()
    with doors.unit():
        seller = Role.objects.get(code=roles.SELLER).pk
    nine = ", ".join(f"n{at}@veldhuis.example" for at in range(9))
    assert client.post("/settings/people/invite", {"emails": nine, "role": seller}).status_code == 303
    eleven = "\n".join(f"m{at}@veldhuis.example" for at in range(11))
    refused = client.post("/settings/people/invite", {"emails": eleven, "role": seller})
    assert "Up to 10 addresses" in refused.content.decode()
    full = client.post("/settings/people/invite", {"emails": "a@v.example, b@v.example", "role": seller})
    assert full.status_code == 402  # ten seats on trial, the buffer of ten percent is one
    serving.serve_side(doors.unit, seconds=60)
    letter = next(letter for letter in mail.outbox if letter.to == ["n3@veldhuis.example"])
    path = "/" + re.search(r"http://\S+/join/\S+", letter.body).group(0).split("/", 3)[3]
    stranger = doors.client(email=None)
    assert b"Welcome to" in stranger.get(path).content
    weak = stranger.post(path, {"name": "Nina", "password": "short"})
    assert weak.status_code == 422
    assert stranger.post(path, {"name": "Nina", "password": "a-sentence-of-nina-8"}).status_code == 303
    assert stranger.get("/board").status_code == 200
    assert doors.client(email=None).get(path).status_code == 403
    assert stranger.get("/settings/firm").status_code == 403


def test_who_was_deactivated_can_be_invited_again_and_comes_in(doors) -> None:
    client = doors.client()
    with doors.unit():
        seller = Role.objects.get(code=roles.SELLER).pk
        gone = accounts._new_person(email="nils@veldhuis.example", name="Nils", role=Role.objects.get(code=roles.SELLER))
        gone.access, gone.is_active = Access.ACTIVE, True
        gone.set_password("the-sentence-of-old-1")
        gone.save()
        accounts.deactivate(ROBOT, pk=gone.pk)
    assert client.post("/settings/people/invite", {"emails": "nils@veldhuis.example", "role": seller}).status_code == 303
    serving.serve_side(doors.unit, seconds=60)
    letter = [letter for letter in mail.outbox if letter.to == ["nils@veldhuis.example"]][-1]
    path = "/" + re.search(r"http://\S+/join/\S+", letter.body).group(0).split("/", 3)[3]
    theirs = doors.client(email=None)
    assert theirs.post(path, {"name": "Nils", "password": "the-sentence-of-new-2"}).status_code == 303
    assert theirs.get("/board").status_code == 200
    with doors.unit():
        back = User.objects.get(pk=gone.pk)
        assert (back.access, back.deactivated_at, back.check_password("the-sentence-of-old-1")) == (Access.ACTIVE, None, False)


def test_a_deactivated_person_is_out_at_once(doors) -> None:
    with doors.unit():
        seller = accounts._new_person(email="sam@veldhuis.example", name="Sam", role=Role.objects.get(code=roles.SELLER))
        seller.access, seller.is_active = Access.ACTIVE, True
        seller.save()
    theirs = doors.client("sam@veldhuis.example")
    assert theirs.get("/day").status_code == 200
    with doors.unit():
        accounts.deactivate(ROBOT, pk=seller.pk)
    assert theirs.get("/day").status_code == 302


def test_the_last_owner_is_told_why_he_cannot_leave(doors) -> None:
    with doors.unit():
        owner = User.objects.get(email=OWNER).pk
    answer = doors.client().post(f"/settings/people/{owner}/deactivate", {"to": ""})
    page = answer.content.decode()
    assert (answer.status_code, "only owner" in page, "Close the access and hand over" in page) == (409, True, True)


def test_a_conflict_has_the_heading_of_its_sentence(doors) -> None:
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        first, second, third = [stage.pk for stage in pipelines.everything().open_of(deal.pipeline_id)][:3]
        deals.move_deal(robot("Marina"), deal.pk, stage_id=second)
    late = doors.client().post(f"/deals/{deal.pk}/move", {"stage": third, "version": deal.version})
    assert (late.status_code, "<h1>Somebody was quicker</h1>" in late.content.decode(), first) == (409, True, deal.stage_id)
    last = doors.client().post(f"/settings/pipelines/{deal.pipeline_id}", {"verb": "archive"})
    assert (last.status_code, "only pipeline in use" in last.content.decode()) == (409, True)


def test_an_unconfirmed_owner_works_seven_days_and_then_is_asked(doors) -> None:
    client = doors.client()
    with doors.unit():
        User.objects.update(created_at=clock.real_now() - timedelta(days=6))
    assert "We sent a link to" in client.get("/board").content.decode()
    assert "on its way" in client.post("/send-confirmation", follow=True).content.decode()
    with doors.unit():
        User.objects.update(created_at=clock.real_now() - timedelta(days=8))
    asked = client.get("/board")
    assert asked.status_code == 403
    assert "<h1>Confirm your e-mail</h1>" in asked.content.decode()
    assert 'action="/send-confirmation"' in asked.content.decode()
    serving.serve_side(doors.unit, seconds=60)
    letter = next(letter for letter in reversed(mail.outbox) if "/confirm/" in letter.body)
    path = "/" + re.search(r"http://\S+/confirm/\S+", letter.body).group(0).split("/", 3)[3]
    assert client.get(path).status_code == 200
    board = client.get("/board")
    assert (board.status_code, "We sent a link to" in board.content.decode()) == (200, False)


def test_a_plan_changes_at_once_in_both_directions_and_nothing_is_deleted(doors) -> None:
    with doors.unit():
        contacts.create_contacts(ROBOT, [{"first_name": f"P{at}"} for at in range(20)])
    plans.change_plan(doors.place, "team", actor=ROBOT)
    with doors.unit():
        assert WorkspaceState.objects.get(pk=1).plan == "team"
        assert gates.usage("contacts").limit == 100_000
    plans.change_plan(doors.place, "free", actor=ROBOT)
    with doors.unit():
        assert gates.usage("contacts").limit == 5_000
        assert Contact.objects.count() == 20
    with pytest.raises(plans.NoSuchPlan):
        plans.change_plan(doors.place, "gold", actor=ROBOT)
    with doors.unit():
        assert WorkspaceState.objects.get(pk=1).plan == "free"


def test_an_unpaid_trial_is_free_by_itself(doors) -> None:
    with doors.unit():
        assert gates.usage("contacts").limit == 500_000
    with clock.frozen(clock.now() + timedelta(days=22)), doors.unit():
        assert gates.usage("contacts").limit == 5_000


def test_the_buffer_holds_fourteen_days_and_then_the_limit(doors) -> None:
    with doors.unit():
        WorkspaceState.objects.update(limits={"contacts": 10}, billing_state="active")
        contacts.create_contacts(ROBOT, [{"first_name": f"P{at}"} for at in range(10)])
    with doors.unit():
        assert gates.usage("contacts").ceiling == 11
    with clock.frozen(clock.now() + timedelta(days=15)), doors.unit():
        assert gates.usage("contacts").ceiling == 10
        with pytest.raises(PlanRefusal):
            contacts.create_contact(ROBOT, first_name="More")


def test_two_at_once_cannot_both_take_the_last_place(doors) -> None:
    with doors.unit():
        WorkspaceState.objects.update(limits={"contacts": 10}, billing_state="active")
        contacts.create_contacts(ROBOT, [{"first_name": f"P{at}"} for at in range(10)])
    outcomes: list[str] = []
    barrier = threading.Barrier(2, timeout=20)

    def race(name: str) -> None:
        from django.db import connections

        try:
            with doors.unit():
                contacts.create_contact(ROBOT, first_name=name)
                barrier.wait()
            outcomes.append("in")
        except PlanRefusal:
            outcomes.append("refused")
        finally:
            connections.close_all()

    racers = [threading.Thread(target=race, args=(name,)) for name in ("A", "B")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(outcomes) == ["in", "refused"]
    with doors.unit():
        assert Contact.objects.count() == 11


def test_html_and_templates_in_every_field_stay_text(doors) -> None:
    evil = "<script>alert(1)</script>{{ 7*7 }}{% now 'Y' %}"
    client = doors.client()
    client.post("/contacts/new", {"first_name": evil[:100], "position": evil, "site": evil, "tags": evil[:50], "companies-company": [evil], "companies-role": [evil[:50]], "emails-address": [""], "emails-kind": ["work"]})
    client.post("/deals/new", {"name": evil, "currency": "EUR", "stage": "1", "source": evil[:60], "company": evil, "contacts-contact": [evil], "contacts-role": [evil[:40]]})
    with doors.unit():
        deal = Deal.objects.get()
    client.post(f"/notes/deal/{deal.pk}", {"text": evil})
    client.post("/tasks", {"text": evil, "day": "2030-01-01", "entity": "deal", "record": deal.pk})
    for path in ("/contacts", "/contacts/1", "/companies", "/deals", f"/deals/{deal.pk}", "/board", "/day", "/search?q=alert", "/search/as-one-types?q=alert", "/settings/journal"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page, path
        assert "49" not in page or "{{ 7*7 }}" in page, path


def test_an_export_is_what_the_list_shows_and_needs_the_right(doors) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="=cmd()", last_name="Calc", phones=[{"number": "+31205550188"}])
        contacts.create_contact(ROBOT, first_name="Other", last_name="Person")
    table = doors.client().get("/export/contact?format=csv&q=calc").content.decode("utf-8-sig")
    assert "'=cmd() Calc" in table
    assert "Other" not in table
    assert doors.client().get("/export/contact?format=xlsx").content[:2] == b"PK"
    with doors.unit():
        viewer = accounts._new_person(email="vera@veldhuis.example", name="Vera", role=Role.objects.get(code=roles.VIEWER))
        viewer.access, viewer.is_active = Access.ACTIVE, True
        viewer.save()
    assert doors.client("vera@veldhuis.example").get("/export/contact?format=csv").status_code == 403


def test_a_file_goes_up_and_comes_down_as_an_attachment(doors) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
    assert client.post(f"/files/deal/{deal.pk}", {"file": SimpleUploadedFile("../../evil.html", b"<script>1</script>")}).status_code == 303
    down = client.get("/files/1")
    assert down.headers["Content-Disposition"] == 'attachment; filename="evil.html"'
    assert "sandbox" in down.headers["Content-Security-Policy"]
    assert b"".join(down.streaming_content) == b"<script>1</script>"
    with doors.unit():
        assert gates.usage("storage").used == 18


def test_a_refused_note_or_file_comes_back_on_the_card_with_its_sentence(doors) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
    empty = client.post(f"/notes/deal/{deal.pk}", {"text": " \n "})
    assert (empty.status_code, "The note is empty." in empty.content.decode(), "<h1>Shelves</h1>" in empty.content.decode()) == (422, True, True)
    long = client.post(f"/notes/deal/{deal.pk}", {"text": "word " * 5000, "pinned": "1"})
    page = long.content.decode()
    assert (long.status_code, "At most 20000 letters" in page, page.count("word ") > 4990, 'value="1" checked' in page) == (422, True, True, True)
    for files in ({}, {"file": SimpleUploadedFile("a.txt", b"")}):
        wrong = client.post(f"/files/deal/{deal.pk}", files)
        assert (wrong.status_code, "field__error" in wrong.content.decode(), "<h1>Shelves</h1>" in wrong.content.decode()) == (422, True, True)
    with doors.unit():
        WorkspaceState.objects.update(limits={"storage": 1}, billing_state="active")
    full = client.post(f"/files/deal/{deal.pk}", {"file": SimpleUploadedFile("a.txt", b"12345")})
    assert (full.status_code, "See the plans" in full.content.decode(), "<h1>Shelves</h1>" in full.content.decode()) == (402, True, True)
    with doors.unit():
        assert gates.usage("storage").used == 0


def test_a_full_plan_keeps_what_was_typed_and_counts_nothing(doors) -> None:
    client = doors.client()
    with doors.unit():
        WorkspaceState.objects.update(limits={"deals_open": 0, "contacts": 100}, billing_state="active")
        stage, used = pipelines.everything().open_of(pipelines.first().pk)[0].pk, gates.usage("contacts").used
    given = {"name": "Long typed name", "currency": "EUR", "stage": stage, "company": "New firm", "contacts-contact": ["New person"], "contacts-role": [""]}
    for address in ("/deals/new", f"/board/stages/{stage}/add"):
        answer = client.post(address, given)
        page = answer.content.decode()
        assert (answer.status_code, 'value="Long typed name"' in page, "/settings/plan" in page) == (402, True, True), address
    with doors.unit():
        assert (gates.usage("contacts").used, Contact.objects.count(), Deal.objects.count()) == (used, 0, 0)


def test_the_reason_for_losing_must_not_stay_empty_and_the_dialog_says_so(doors) -> None:
    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
    for page in (client.get(f"/deals/{deal.pk}/lose").content.decode(), client.get(f"/deals/{deal.pk}/lose", HTTP_HX_REQUEST="true").content.decode()):
        label = re.search(r'<label[^>]*for="id_lost_reason">(.*?)</label>', page).group(1)
        assert label == "Reason"
    refused = client.post(f"/deals/{deal.pk}/lose", {"comment": "dear"})
    assert (refused.status_code, "Choose a reason. Without it" in refused.content.decode(), "dear" in refused.content.decode()) == (422, True, True)


def test_who_may_change_nothing_is_offered_no_putting_back(doors) -> None:
    with doors.unit():
        contact = contacts.create_contact(ROBOT, first_name="Anna")
        contacts.change_contact(ROBOT, contact.pk, position="Buyer")
        cast()
    assert "Put back" in doors.client().get(f"/contacts/{contact.pk}").content.decode()
    assert "Put back" not in doors.client("vera@veldhuis.example").get(f"/contacts/{contact.pk}").content.decode()


def test_where_a_form_leads_is_an_address_and_no_header_of_its_own(doors) -> None:
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Leads on")
    answer = doors.client().post(f"/deals/{deal.pk}/win", {"next": "/board\r\nX-Evil: 1"}, HTTP_HX_REQUEST="true")
    assert answer.status_code in (204, 303)
    assert "X-Evil" not in answer.headers
    assert "\n" not in answer.headers.get("HX-Redirect", "")
