"""Letters that become leads, and the heartbeat that proves every source."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.core.mail import EmailMessage as Outgoing
from django.test import Client, override_settings

from crm_core.engagement.notes.models import Note
from crm_core.groundwork.attachments.models import Attachment
from crm_core.sales.incoming import building, door, mail, probing, reading, reading_job, services, sources
from crm_core.sales.incoming.models import IncomingLead, LeadSource
from crm_platform.config.mailbox.backend import MailboxBackend
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import NotFound
from tests.conftest import Door
from tests.racing import at_once
from webhooks.inbound import forgetting
from webhooks.inbound import services as inbound
from webhooks.inbound.models import InboundMessage

from .kit import ROBOT, source


def letter(to: str, *, html: bool = False, number: str = "<1@x.example>") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = "Camille Duquesnoy <camille@maison.example>", to, "Devis banquettes", number
    made.set_content("<p>Bonjour</p><script>alert(1)</script>" if html else "Bonjour, +31 6 5555 0142", subtype="html" if html else "plain")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    return made.as_bytes()


@pytest.fixture
def address(doors: Door):
    door.forget()
    with doors.unit():
        return doors, sources.address_of(source("mail", name="hello@"))


def leads(at: Door) -> list[IncomingLead]:
    with at.unit():
        while reading_job.read_some():
            pass
        return list(IncomingLead.objects.order_by("pk"))


def test_a_letter_is_a_lead_once_with_its_attachment(address) -> None:
    at, to = address
    for raw in (letter(to), letter(to), letter(to, html=True, number="<2@x.example>")):
        mail.deliver(to, raw)
    first, second = leads(at)
    assert (first.name, first.message, first.contents["lead"]["name"], sorted(first.keys)) == ("Camille Duquesnoy", "Bonjour, +31 6 5555 0142", "Devis banquettes", ["e:camille@maison.example", "p:31655550142"])
    assert second.message == "Bonjour"
    with at.unit():
        assert Attachment.objects.filter(entity="incoming", record_id=first.pk).get().name == "plan.pdf"
    with pytest.raises(NotFound):
        mail.deliver("nobody.nothing@in.localhost", letter(to))


def written(to: str, text: str, *, number: str, html: str = "", answers: str = "", sender: str = "Camille Duquesnoy <camille@maison.example>", file: str = "") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = sender, to, "Devis", number
    if answers:
        made["References"] = made["In-Reply-To"] = answers
    made.set_content(html or text, subtype="html" if html else "plain")
    if file:
        made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=file)
    return made.as_bytes()


def test_what_a_site_writes_by_mail_is_of_whoever_it_names(address) -> None:
    at, to = address
    site = "Our site <noreply@shop.example>"
    mail.deliver(to, written(to, "New request\n\nName: Ada Byron\nE-mail: ada@byron.example\nPhone: +31 6 5555 0142\nRegion: North\nutm_source: ads\nComment: Oak, please", number="<1@s>", sender=site))
    mail.deliver(to, written(to, "", html="<table><tr><th>Имя</th><td>Елена</td></tr><tr><td>Телефон:</td><td>+7 912 345-67-89</td></tr></table>", number="<2@s>", sender=site))
    mail.deliver(to, written(to, "Hello, my name: see below. To: us@firm.example", number="<3@s>"))
    mail.deliver(to, written(to, "To: us@firm.example\nDate: today\n\nWhat does it cost?", number="<4@s>"))
    first, second, *letters = leads(at)
    assert (first.name, sorted(first.keys), first.metadata["utm_source"]) == ("Ada Byron", ["e:ada@byron.example", "p:31655550142"], "ads")
    assert ["Region", "North"] in first.contents["fields"]
    assert ["Sender", site] in first.contents["fields"]
    assert first.message.startswith("New request")
    assert (second.name, second.keys) == ("Елена", ["p:79123456789"])
    assert [(letter.name, letter.keys) for letter in letters] == [("Camille Duquesnoy", ["e:camille@maison.example"])] * 2


def test_a_long_letter_is_kept_whole(address) -> None:
    at, to = address
    mail.deliver(to, written(to, "a" * 70 + "\n" + "word " * 2000 + "the end", number="<1@x>"))
    assert leads(at)[0].message.endswith("the end")


def test_an_answer_belongs_to_the_letter_it_answers(address) -> None:
    at, to = address
    mail.deliver(to, written(to, "Bonjour", number="<1@x>"))
    [first] = leads(at)
    answer = written(to, "And in oak?", number="<2@x>", answers="<1@x> <ours@firm>", file="plan.pdf")
    for _ in range(2):
        mail.deliver(to, answer)
        whole, joined = leads(at)
    assert (whole.message, whole.state, joined.state, joined.reason) == ("Bonjour\n\nAnd in oak?", "waiting", "merged", f"#{first.uid}")
    with at.unit():
        assert Attachment.objects.get(entity="incoming", record_id=first.pk).name == "plan.pdf"
        deal = services.accept(ROBOT, first.uid).deal_id
    mail.deliver(to, written(to, "Thank you", number="<3@x>", answers="<2@x>", sender="Bob <bob@maison.example>", file="signed.pdf"))
    *_, third = leads(at)
    with at.unit():
        assert (third.state, third.deal_id) == ("linked", deal)
        assert Note.objects.filter(entity="deal", record_id=deal).order_by("-pk")[0].text == "Bob: Thank you"
        assert sorted(Attachment.objects.filter(entity="deal", record_id=deal).values_list("name", flat=True)) == ["plan.pdf", "signed.pdf"]


def test_a_letter_and_its_answer_that_come_together_are_one_lead(address) -> None:
    at, to = address
    for number, text, answers in (("<1@x>", "Bonjour", ""), ("<9@x>", "Another", ""), ("<2@x>", "And in oak?", "<1@x>"), ("<3@x>", "Or ash?", "<2@x>")):
        mail.deliver(to, written(to, text, number=number, answers=answers))
    assert [(lead.message, lead.state) for lead in leads(at)] == [("Bonjour\n\nAnd in oak?\n\nOr ash?", "waiting"), ("Another", "waiting"), ("And in oak?", "merged"), ("Or ash?", "merged")]


def test_a_letter_and_its_answer_read_at_one_moment_by_two_are_one_lead(address, monkeypatch) -> None:
    at, to = address
    begun, read = threading.Event(), reading_job._own["mail"]

    def slowly(lead: IncomingLead) -> reading.Read:
        found = read(lead)
        if not begun.is_set():
            begun.set()
            time.sleep(1)  # long enough for the other to have looked
        return found

    monkeypatch.setitem(reading_job._own, "mail", slowly)
    mail.deliver(to, written(to, "Bonjour", number="<1@x>"))
    works = [lambda: leads(at), lambda: (begun.wait(20), mail.deliver(to, written(to, "And in oak?", number="<2@x>", answers="<1@x>")), leads(at))]
    at_once(2, lambda: works.pop()())
    first, second = leads(at)
    assert (first.state, second.state, first.message) == ("waiting", "merged", "Bonjour\n\nAnd in oak?")


def test_an_answer_that_came_before_its_letter_waits_for_it(address) -> None:
    at, to = address
    mail.deliver(to, written(to, "And in oak?", number="<2@x>", answers="<1@x>"))
    mail.deliver(to, written(to, "Bonjour", number="<1@x>"))
    second, first = leads(at)
    assert (first.state, second.state, first.message) == ("waiting", "merged", "Bonjour\n\nAnd in oak?")


def test_letters_that_name_one_another_are_read_all_the_same(address) -> None:
    at, to = address
    for own, other in (("<1@x>", "<2@x>"), ("<2@x>", "<1@x>")):
        mail.deliver(to, written(to, "Both", number=own, answers=other))
    assert [lead.read_at is None for lead in leads(at)] == [False, False]


def test_an_answer_to_what_was_declined_is_a_lead_again(address) -> None:
    at, to = address
    mail.deliver(to, written(to, "Bonjour", number="<1@x>"))
    [first] = leads(at)
    with at.unit():
        services.decline(ROBOT, first.uid)
    mail.deliver(to, written(to, "And now?", number="<2@x>", answers="<1@x>"))
    assert [lead.state for lead in leads(at)] == ["declined", "waiting"]


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00rubbish", b"Subject: =?utf-8?B?////?=\nContent-Type: multipart/mixed\n\nno parts", b"From: <>\nContent-Type: text/plain; charset=klingon\n\nHi", b"\n" * 100 + b"x"])
def test_a_letter_nobody_can_read_is_a_lead_all_the_same(address, raw: bytes) -> None:
    at, to = address
    mail.deliver(to, raw)
    assert [lead.state for lead in leads(at)] == ["waiting"]


@override_settings(CRM_MAIL_IN_SECRETS=["s3cret"])
def test_a_provider_posts_signed_letters(address, public: Client) -> None:
    at, to = address
    raw = letter(to)
    seal = hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    headers = {"HTTP_X_RECIPIENT": to}
    assert public.post("/webhooks/in/mail", raw, content_type="message/rfc822", HTTP_X_SIGNATURE="wrong", **headers).status_code == 403
    for _ in range(2):
        assert public.post("/webhooks/in/mail", raw, content_type="message/rfc822", HTTP_X_SIGNATURE=seal, **headers).status_code == 200
    with sides.control_unit():
        [message] = InboundMessage.objects.filter(source="mail", handled_at=None)

    class Lease:
        def beat(self) -> None:
            pass

    with sides.outside():
        inbound.handle(message.pk, lease=Lease())
    assert len(leads(at)) == 1
    with sides.control_unit():
        assert bytes(InboundMessage.objects.get(pk=message.pk).body) == b""
        InboundMessage.objects.filter(pk=message.pk).delete()


def test_a_letter_that_cannot_be_delivered_now_is_tried_again_for_days(public: Client) -> None:
    waits = Job.objects.filter(name="inbound.handle", state="waiting")
    with sides.control_unit():
        fresh, old, done = (InboundMessage.objects.create(source="mail", digest=name, body=b"", **values) for name, values in (("a", {}), ("b", {"received_at": clock.real_now() - timedelta(days=4)}), ("c", {"handled_at": clock.real_now()})))
        for message in (fresh, old, done):
            jobs.gave_up("inbound.handle", message.pk)
        mine = waits.filter(target__in=[one.pk for one in (fresh, old, done)])
        assert list(mine.values_list("target", flat=True)) == [fresh.pk]
        mine.delete()
        InboundMessage.objects.filter(pk__in=[one.pk for one in (fresh, old, done)]).delete()


def test_deliveries_are_forgotten_a_month_after_they_were_handled(public: Client) -> None:
    past = clock.real_now() - timedelta(days=31)
    given = {"old": {"received_at": past, "handled_at": past}, "fresh": {"handled_at": clock.real_now()}, "never": {"received_at": past}}
    waits = Job.objects.filter(name="inbound.forget", state="waiting")

    class Lease:
        def beat(self) -> None:
            pass

    with sides.control_unit():
        waits.delete()
        for name, values in given.items():
            InboundMessage.objects.create(source="forgets", digest=name, body=b"", **values)
    with sides.outside():
        forgetting.forget(0, lease=Lease())
    with sides.control_unit():
        mine = InboundMessage.objects.filter(source="forgets")
        assert set(mine.values_list("digest", flat=True)) == {"fresh", "never"}
        assert waits.count() == 1
        mine.delete()
        waits.delete()


def test_without_secrets_nobody_posts_letters(public: Client) -> None:
    assert public.post("/webhooks/in/mail", b"x", content_type="message/rfc822").status_code == 404


def test_the_mailbox_of_the_embedded_run_hands_it_on(address, tmp_path) -> None:
    at, to = address
    with override_settings(CRM_MAILBOX=str(tmp_path)), sides.outside():
        MailboxBackend().send_messages([Outgoing("Hello", "Call me", "ada@x.example", [to, "else@x.example"])])
    assert [lead.message for lead in leads(at)] == ["Call me"]


def test_the_heartbeat_proves_each_kind_and_leaves_nothing(doors: Door) -> None:
    door.forget()
    with doors.unit():
        for kind in ("api", "webhook", "calls", "mail", "form"):
            made = source(kind, name=kind)
            if kind == "form":
                building.publish(ROBOT, made.pk)
        assert Job.objects.filter(name="incoming.heartbeat", state="waiting").count() == 1
        before = Event.objects.filter(name="incoming.received").count()

    class Lease:
        def beat(self) -> None:
            pass

    with sides.inside(doors.place):
        probing.run(0, lease=Lease())
    with doors.unit():
        assert {one.name: (one.probed_at is not None, one.probe_failed_at, one.last_lead_at) for one in LeadSource.objects.all()} == dict.fromkeys(("api", "webhook", "calls", "mail", "form"), (True, None, None))
        assert (IncomingLead.objects.count(), Event.objects.filter(name="incoming.received").count()) == (0, before)


def test_a_source_whose_way_is_broken_is_red(doors: Door, monkeypatch) -> None:
    door.forget()
    with doors.unit():
        made = source()
    monkeypatch.setattr(reading_job.reading, "read", lambda payload: 1 / 0)
    monkeypatch.setattr(reading_job.reading, "clean", lambda value: "")
    with sides.inside(doors.place):
        arrived = probing._goes_through(made)
    with doors.unit():
        probing.note(made.pk, arrived=arrived)
    assert "did not arrive" in doors.client().get("/settings/lead-sources").content.decode()


def test_silence_is_red_when_it_is_unusual(inside) -> None:
    made, now = source(), clock.now()
    assert not probing.silent(made, now=now)
    made.last_lead_at, made.rhythm_seconds = now - timedelta(hours=30), 3600
    assert probing.silent(made, now=now)
    made.rhythm_seconds = 86400
    assert not probing.silent(made, now=now)
