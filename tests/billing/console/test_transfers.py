"""Money by transfer in the console: statements, their doubtful lines, what is recorded by hand, documents on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.console import queues, transfers
from billing.documents.balance import credit_of
from billing.documents.models import Invoice, Kind, Payment, Status
from billing.documents.services import BadAmount
from billing.models import MoneyEntry
from billing.providers.manual_invoice.models import LineState, StatementFile, StatementLine
from billing.providers.manual_invoice.statements import matching
from billing.providers.manual_invoice.statements.incoming import BadStatement
from billing.providers.models import Drift
from crm_platform.accounts.operators import NotYourDuty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Invalid, NotFound
from tests.billing.documents.conftest import Books, books, seller

from .desk import ADMIN, LOOKER, TELLER

__all__ = ["books", "seller"]
Desk = Callable[..., Client]
HEAD = "date;amount;currency;name;tax id;purpose;reference\n"


def csv(*rows: tuple[str, str]) -> bytes:
    """(amount, purpose); each line is another, in whatever statement."""
    return (HEAD + "".join(f"2027-03-11;{amount};EUR;Atelier Veldhuis;;{purpose};{ids.random_id()}\n" for amount, purpose in rows)).encode()


def doubtful(amount: str = "77,00", purpose: str = "thanks") -> StatementLine:
    """A line that fits no bill."""
    raw = csv((amount, purpose))
    transfers.load(TELLER, raw, name="doubt.csv", currency="EUR")
    with sides.control_unit():
        return StatementLine.objects.order_by("-pk")[0]


def settled(pk: int) -> list[Event]:
    with sides.control_unit():
        return list(Event.objects.filter(name="statement_line.settled", record_id=pk))


def test_a_statement_says_what_became_of_each_line_and_is_noted(books: Books) -> None:
    full, part, over = books.issue(), books.issue(), books.issue()
    due = full.total_minor
    raw = csv(*((f"{minor / 100:.2f}", bill.reference) for minor, bill in ((due, full), (due - 100, part), (due + 100, over))), ("5", "nobody knows"))
    found = transfers.load(TELLER, raw, name="march.csv", currency="EUR")
    assert found.states == {"paid": 1, "partial": 1, "over": 1, "unknown": 1}
    assert transfers.told(found) == "More than owed: 1; Paid in full: 1; Paid in part: 1; Unknown: 1"
    assert (books.now(full).status, books.now(part).status, books.now(over).status) == (Status.PAID, Status.OPEN, Status.PAID)
    again = transfers.load(TELLER, raw, name="march.csv", currency="EUR")
    assert (again.states, again.before) == ({}, 4)
    with sides.control_unit():
        noted = Event.objects.filter(name="statement.loaded").order_by("-id")[1]
        assert (noted.actor_name, noted.after["file"], noted.after["lines"]) == (TELLER.signature, "march.csv", found.states)
        assert {row.actor for row in Payment.objects.filter(invoice__account=books.pk, method="transfer")} == {TELLER.signature}
        assert MoneyEntry.objects.filter(account=books.pk, name="payment.recorded", actor=TELLER.signature).count() == 3


@pytest.mark.parametrize(("raw", "currency", "error"), [(b"hello", "EUR", BadStatement), (b"", "EUR", BadStatement), (csv(("5", "x")), "XXX", Invalid)])
def test_a_file_that_cannot_be_read_leaves_nothing(control_side: None, raw: bytes, currency: str, error: type[Exception]) -> None:
    before = (StatementFile.objects.count(), Event.objects.filter(name="statement.loaded").count())
    with pytest.raises(error):
        transfers.load(TELLER, raw, name="bad.csv", currency=currency)
    assert (StatementFile.objects.count(), Event.objects.filter(name="statement.loaded").count()) == before


def test_a_statement_too_long_for_a_page_is_for_the_command(control_side: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "MOST_LINES", 1)
    with pytest.raises(transfers.TooLong):
        transfers.load(TELLER, csv(("5", "x"), ("6", "y")), name="long.csv", currency="EUR")
    assert not StatementFile.objects.filter(name="long.csv").exists()


def test_a_doubtful_line_is_settled_once_with_a_bill_or_laid_aside(books: Books) -> None:
    bill, line, other = books.issue(), doubtful(), doubtful()
    row = transfers.settle(TELLER, line.pk, bill=bill.public_id)
    assert (row.state, row.decided_by, books.now(bill).paid_minor) == (LineState.PARTIAL, TELLER.signature, 7_700)
    assert transfers.settle(TELLER, other.pk, bill="").state == LineState.IGNORED
    assert [one.after["line_state"] for one in settled(line.pk) + settled(other.pk)] == ["partial", "ignored"]
    for again in (line, other):
        with pytest.raises(matching.Settled):
            transfers.settle(TELLER, again.pk, bill=bill.public_id)
    assert books.now(bill).paid_minor == 7_700


def test_a_large_line_is_settled_by_two(books: Books, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 7_700
    bill, line = books.issue(), doubtful()
    assert transfers.settle(TELLER, line.pk, bill=bill.public_id).state == LineState.REVIEW
    with pytest.raises(matching.SecondPerson):
        transfers.settle(TELLER, line.pk, bill=bill.public_id)
    assert books.now(bill).paid_minor == 0
    assert transfers.settle(ADMIN, line.pk, bill=bill.public_id).state == LineState.PARTIAL
    assert books.now(bill).paid_minor == 7_700


def test_a_line_is_not_settled_with_what_is_no_bill_of_its_currency(books: Books) -> None:
    line = doubtful()
    for wrong in (books.issue(currency="RUB"), books.issue(kind=Kind.INVOICE)):
        with pytest.raises(NotFound):
            transfers.settle(TELLER, line.pk, bill=wrong.public_id)
    for lost in (("nothing", line.pk), ("", 0)):
        with pytest.raises(NotFound):
            transfers.settle(TELLER, lost[1], bill=lost[0])
    assert settled(line.pk) == []
    with sides.control_unit():
        assert StatementLine.objects.get(pk=line.pk).state == LineState.UNKNOWN


def test_the_likeliest_bill_is_offered_first_and_others_are_found(books: Books) -> None:
    other, same = books.issue(), books.issue()
    line = doubtful(f"{same.total_minor / 100:.2f}")
    books.pay(other, 100)
    with sides.control_unit():
        Invoice.objects.filter(pk=other.pk).update(total_minor=other.total_minor + 5)
        Invoice.objects.filter(pk=same.pk).update(due_at=clock.now() + timedelta(days=900))
        mine = [one.pk for one in transfers.offered(line) if one.account_id == books.pk]
        assert mine in ([same.pk, other.pk], [same.pk])  # of many open bills only the likeliest are offered
        assert [one.pk for one in transfers.offered(line, find=other.reference)] == [other.pk]
        assert same.pk in {one.pk for one in transfers.offered(line, find=str(books.door.workspace.slug))}
        assert transfers.offered(line, find="no such thing") == []


def test_a_transfer_is_recorded_by_hand_once(books: Books) -> None:
    bill, place = books.issue(), books.door.place.public_id
    given: dict[str, Any] = {"document": bill.public_id, "amount": Decimal("100.00"), "day": None, "operation": "one"}
    first = transfers.record(TELLER, place, **given)
    assert transfers.record(TELLER, place, **given).pk == first.pk
    assert (first.method, first.actor, books.now(bill).paid_minor, books.now(bill).status) == ("hand", TELLER.signature, 10_000, Status.OPEN)
    yesterday = clock.now().date() - timedelta(days=1)
    rest = transfers.record(TELLER, place, **{**given, "amount": Decimal(bill.total_minor) / 100, "day": yesterday, "operation": "two"})
    assert (rest.at.date(), books.now(bill).status) == (yesterday, Status.PAID)
    with sides.control_unit():
        told = MoneyEntry.objects.filter(account=books.pk, name="payment.recorded").order_by("id")
        assert [entry.after["over"] for entry in told] == [0, 10_000]


@pytest.mark.parametrize(
    ("given", "error"), [({"amount": Decimal(0)}, BadAmount), ({"amount": Decimal("1.005")}, Invalid), ({"day": clock.now().date() + timedelta(days=2)}, Invalid), ({"document": "nothing"}, NotFound)]
)
def test_what_cannot_be_recorded_changes_nothing(books: Books, given: dict[str, Any], error: type[Exception]) -> None:
    bill = books.issue()
    with pytest.raises(error):
        transfers.record(TELLER, books.door.place.public_id, **{"document": bill.public_id, "amount": Decimal(5), "day": None, "operation": "x", **given})
    with sides.control_unit():
        assert not Payment.objects.filter(invoice=bill.pk).exists()


def test_a_bill_is_of_its_own_workspace_and_by_transfer(books: Books, session_workspace: Any) -> None:
    bill, stated = books.issue(), books.issue(kind=Kind.INVOICE)
    given: dict[str, Any] = {"amount": Decimal(5), "day": None, "operation": "x"}
    with pytest.raises(NotFound):
        transfers.record(TELLER, session_workspace.public_id, document=bill.public_id, **given)
    with pytest.raises(NotFound):
        transfers.record(TELLER, books.door.place.public_id, document=stated.public_id, **given)
    with sides.control_unit():
        Invoice.objects.filter(pk=bill.pk).update(status=Status.VOID)
    transfers.record(TELLER, books.door.place.public_id, document=bill.public_id, **given)
    account = books.account
    with sides.control_unit():
        assert credit_of(account, "EUR") == 500
    assert books.now(bill).status == Status.VOID


def test_who_only_looks_does_nothing(books: Books) -> None:
    bill, line = books.issue(), doubtful()
    for verb in (
        lambda: transfers.load(LOOKER, csv(("5", "x")), name="x", currency="EUR"),
        lambda: transfers.settle(LOOKER, line.pk, bill=bill.public_id),
        lambda: transfers.record(LOOKER, books.door.place.public_id, document=bill.public_id, amount=Decimal(5), day=None, operation="x"),
        lambda: queues.mend(LOOKER, 1),
    ):
        with pytest.raises(NotYourDuty):
            verb()
    assert books.now(bill).paid_minor == 0


def test_the_pages_of_transfers(desk: Desk, books: Books) -> None:
    looker, teller = desk("viewer"), desk("money")
    bill, place = books.issue(), books.door.place.public_id
    file = lambda raw: {"file": SimpleUploadedFile("april.csv", raw), "currency": "EUR"}  # noqa: E731
    assert looker.post("/transfers", file(csv(("5", "x")))).status_code == 403
    assert teller.post("/transfers", file(b"hello")).status_code == 422
    assert teller.post("/transfers", {"currency": "EUR"}).status_code == 422
    assert teller.post("/transfers", file(csv(("66,60", "on the page")))).status_code == 303
    with sides.control_unit():
        line = StatementLine.objects.order_by("-pk")[0]
    assert "Read a statement" not in looker.get("/transfers").content.decode()
    page = teller.get("/transfers").content.decode()
    assert f"/transfers/{line.pk}" in page
    assert "april.csv" in page
    assert bill.number in teller.get(f"/transfers/{line.pk}", {"find": bill.reference}).content.decode()
    assert "lay it aside" not in looker.get(f"/transfers/{line.pk}").content.decode()
    assert looker.post(f"/transfers/{line.pk}/settle", {"bill": bill.public_id}).status_code == 403
    assert teller.post(f"/transfers/{line.pk}/settle", {"bill": bill.public_id}).status_code == 303
    assert teller.post(f"/transfers/{line.pk}/settle", {"bill": ""}).status_code == 409
    path = f"/workspaces/{place}/transfer/{bill.public_id}"
    assert path in teller.get(f"/workspaces/{place}").content.decode()
    assert path not in looker.get(f"/workspaces/{place}").content.decode()
    assert looker.get(path).status_code == 403
    assert looker.post(path, {"amount": "5", "operation": "y"}).status_code == 403
    assert teller.post(path, {"amount": "", "operation": "y"}).status_code == 422
    assert teller.post(path, {"amount": "33.40", "operation": "y"}).status_code == 303
    assert books.now(bill).paid_minor == 10_000
    recorded = "".join(looker.get("/transfers/recorded", {"page": page, "rows": 100}).content.decode() for page in range(1, 6))  # others' tests have recorded some too
    assert "€66.60" in recorded
    assert "€33.40" in recorded
    for lost in ("/transfers/0", f"/workspaces/{place}/transfer/nothing"):
        assert teller.get(lost).status_code == 404
    for state in ("unknown", "paid", "²"):
        assert looker.get("/transfers", {"state": state}).status_code == 200


def test_a_document_is_the_paper_that_its_reader_has(desk: Desk, books: Books, session_workspace: Any) -> None:
    bill, client = books.issue(), desk("viewer")
    path = f"/workspaces/{books.door.place.public_id}/documents/{bill.public_id}.pdf"
    assert path in client.get(f"/workspaces/{books.door.place.public_id}").content.decode()
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert client.get(path).content == answer.content
    assert client.get(f"/workspaces/{session_workspace.public_id}/documents/{bill.public_id}.pdf").status_code == 404
    assert client.post(path).status_code == 405


def test_lists_ask_the_same_with_one_and_with_three(desk: Desk, books: Books) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    client, counts = desk("money"), []
    bill = books.issue()
    line = doubtful()
    client.get("/transfers")
    for more in (1, 2):
        for _one in range(more):
            doubtful("1,00", bill.reference)
            books.pay(bill, 100)
            books.issue()
        asked_for = []
        for path in ("/transfers", "/transfers/recorded", f"/transfers/{line.pk}", f"/workspaces/{books.door.place.public_id}"):
            with CaptureQueriesContext(connections["control"]) as asked:
                assert client.get(path).status_code == 200
            asked_for.append(len(asked))
        counts.append(asked_for)
    assert counts[0] == counts[1]


def test_a_difference_is_looked_at_again_and_mended(desk: Desk, books: Books) -> None:
    with sides.control_unit():
        here = Drift.objects.create(kind="differs", provider="manual_invoice", account_id=books.pk, subject=ids.random_id())
        nobodys = Drift.objects.create(kind="inbox", provider="stripe", subject=ids.random_id())
    looker, teller = desk("viewer"), desk("money")
    assert "Look again" not in looker.get("/drift").content.decode()
    assert looker.post(f"/drift/{here.pk}/mend").status_code == 403
    assert teller.post(f"/drift/{nobodys.pk}/mend").status_code == 404
    assert teller.post(f"/drift/{here.pk}/mend").status_code == 303
    with sides.control_unit():
        assert Drift.objects.get(pk=here.pk).closed_at is not None
        assert Event.objects.get(name="drift.mended", record_id=here.pk).after == {"gone": True}
        Drift.objects.filter(account=books.pk).delete()
        Drift.objects.filter(pk=nobodys.pk).delete()
    assert teller.post(f"/drift/{here.pk}/mend").status_code == 404
