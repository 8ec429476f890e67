"""Statements of banks: three forms, one meaning; what is certain is recorded once, the rest waits for a person."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from billing.documents.balance import credit_of
from billing.documents.models import Invoice, Payment
from billing.providers.manual_invoice import commands
from billing.providers.manual_invoice.models import StatementLine
from billing.providers.manual_invoice.statements import matching, reading
from billing.providers.manual_invoice.statements.incoming import BadStatement, sum_of
from crm_platform.db import sides
from crm_platform.kernel import ids
from crm_platform.kernel.errors import Forbidden, NotFound
from crm_platform.kernel.permissions import Actor

from .conftest import OPERATOR, SECOND, Books

HEAD = "Date;Amount;Currency;Name;Tax id;Description;Reference\n"


def csv_of(*rows: tuple[str, str, str, str]) -> bytes:
    """(amount, tax id, purpose, the bank's reference)."""
    return (HEAD + "".join(f"11.03.2027;{amount};EUR;Atelier Veldhuis;{tax_id};{purpose};{reference}\n" for amount, tax_id, purpose, reference in rows)).encode()


def load(raw: bytes) -> matching.Loaded:
    return matching.load(raw, name="march.csv", actor=OPERATOR)


def credit(books: Books) -> int:
    account = books.account
    with sides.control_unit():
        return credit_of(account, "EUR")


def lines_of(reference: str) -> list[StatementLine]:
    with sides.control_unit():
        return list(StatementLine.objects.filter(external_id__startswith=reference).order_by("pk"))


def test_case_79_exact_partial_over_and_wrong_reference(books: Books) -> None:
    exact, partial, over, ours = books.issue(), books.issue(), books.issue(), ids.random_id()
    found = load(csv_of(
        ("125,84", "", f"Bill {exact.reference}", f"{ours}1"), ("100.00", "", f"{partial.reference} first half", f"{ours}2"),
        ("130,84", "", over.reference.lower(), f"{ours}3"), ("125,84", "", "KT00000000", f"{ours}4"),
    ))  # fmt: skip
    assert found.states == {"paid": 1, "partial": 1, "over": 1, "unknown": 1}
    assert [(books.now(one).status, books.now(one).due_minor) for one in (exact, partial, over)] == [("paid", 0), ("open", 2_584), ("paid", 0)]
    assert credit(books) == 500


def test_case_79_the_same_statement_twice_and_an_overlapping_one(books: Books) -> None:
    bill, ours = books.issue(), ids.random_id()
    first = csv_of(("50,00", "", bill.reference, f"{ours}1"))
    load(first)
    assert load(first).before == 1
    again = load(csv_of(("50,00", "", bill.reference, f"{ours}1"), ("25,84", "", bill.reference, f"{ours}2")))
    assert (again.before, again.states, books.now(bill).paid_minor) == (1, {"partial": 1}, 7_584)


def test_two_lines_alike_in_one_statement_are_two_payments(books: Books) -> None:
    bill = books.issue()
    row = ("50,00", "", bill.reference, ids.random_id())
    assert load(csv_of(row, row)).states == {"partial": 2}
    assert books.now(bill).paid_minor == 10_000


def test_case_79_noted_by_hand_and_then_in_the_statement_is_one_payment(books: Books) -> None:
    from datetime import UTC, datetime

    bill = books.issue()
    books.pay(bill, 12_584, at=datetime(2027, 3, 10, tzinfo=UTC))
    assert load(csv_of(("125,84", "", bill.reference, ids.random_id()))).states == {"known": 1}
    assert credit(books) == 0
    with sides.control_unit():
        assert Payment.objects.filter(invoice=bill).count() == 1


def test_without_a_reference_the_tax_id_and_the_exact_sum_tell(books: Books) -> None:
    own = ids.random_id(10)
    books.payer(tax_id=own)
    bill = books.issue()
    assert load(csv_of(("125,84", own, "for the CRM", ids.random_id()), ("125,80", own, "for the CRM", ids.random_id()))).states == {"paid": 1, "unknown": 1}
    assert books.now(bill).status == "paid"


def test_of_two_bills_alike_none_is_guessed(books: Books) -> None:
    own = ids.random_id(10)
    books.payer(tax_id=own)
    bills = [books.issue(), books.issue()]
    assert load(csv_of(("125,84", own, "for the CRM", ids.random_id()))).states == {"unknown": 1}
    assert [books.now(one).paid_minor for one in bills] == [0, 0]


def test_a_large_sum_is_for_a_bill_only_where_two_say_so(books: Books, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 12_584
    bill, other, ours = books.issue(), books.issue(), ids.random_id()
    load(csv_of(("125,84", "", "for the CRM", ours)))
    [line] = lines_of(ours)
    said = matching.settle(line.pk, bill=bill.public_id, actor=OPERATOR)
    assert (said.state, said.decided_by, books.now(bill).paid_minor) == ("review", OPERATOR.name, 0)
    with pytest.raises(matching.SecondPerson):
        matching.settle(line.pk, bill=bill.public_id, actor=OPERATOR)
    assert matching.settle(line.pk, bill=other.public_id, actor=SECOND).state == "review"  # who says otherwise is the first to say so
    assert (books.now(bill).paid_minor, books.now(other).paid_minor) == (0, 0)
    assert matching.settle(line.pk, bill=other.public_id, actor=OPERATOR).state == "paid"
    assert (books.now(bill).paid_minor, books.now(other).status) == (0, "paid")


def test_what_the_statement_itself_says_needs_nobody(books: Books, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 100
    bill = books.issue()
    assert load(csv_of(("125,84", "", bill.reference, ids.random_id()))).states == {"paid": 1}


def run(command: Any, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).output)
    return found


def test_lines_are_listed_and_settled_by_command(books: Books, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 12_584
    bill, ours = books.issue(), ids.random_id()
    load(csv_of(("125,84", "", "for the CRM", ours), ("7,00", "", "somebody's", f"{ours}2")))
    line, small = lines_of(ours)
    listed = run(commands.lines)["lines"]
    assert {(one["line"], one["why"]) for one in listed} >= {(line.pk, "none"), (small.pk, "none")}
    assert run(commands.settle, str(line.pk), "--bill", bill.number, "--by", "Vera@kartoteka.example")["state"] == "review"
    assert run(commands.settle, str(line.pk), "--bill", bill.number, "--by", "vera@kartoteka.example")["error"] == "second_person_payment"
    assert run(commands.settle, str(line.pk), "--bill", bill.reference, "--by", "timur@kartoteka.example")["state"] == "paid"
    assert run(commands.settle, str(small.pk), "--aside", "--by", "vera@kartoteka.example")["state"] == "ignored"
    assert books.now(bill).status == "paid"


def test_another_payer_waits_for_a_person(books: Books) -> None:
    books.payer(tax_id="7801234567")
    bill, ours = books.issue(), ids.random_id()
    assert load(csv_of(("125,84", "7709999999", bill.reference, ours))).states == {"review": 1}
    assert books.now(bill).paid_minor == 0
    [line] = lines_of(ours)
    assert line.why == "payer"
    assert matching.settle(line.pk, bill=bill.public_id, actor=OPERATOR).state == "paid"
    with pytest.raises(matching.Settled):
        matching.settle(line.pk, bill=bill.public_id, actor=OPERATOR)
    assert books.now(bill).status == "paid"


def test_a_line_is_laid_aside_or_given_to_no_other_document(books: Books) -> None:
    ours = ids.random_id()
    load(csv_of(("3,00", "", "rent", ours)))
    [line] = lines_of(ours)
    with pytest.raises(NotFound):
        matching.settle(line.pk, bill="nobody", actor=OPERATOR)
    with sides.control_unit():
        assert line.pk in [one.pk for one in matching.waiting()]
    assert matching.settle(line.pk, bill="", actor=OPERATOR).state == "ignored"


def test_a_firms_owner_loads_nothing(books: Books) -> None:
    bill = books.issue()
    with pytest.raises(Forbidden):
        matching.load(csv_of(("125,84", "", bill.reference, "x")), name="x", actor=Actor(user_id=1, name="Olga", role="owner", everything=True))
    assert books.now(bill).paid_minor == 0


ONE_C = """1CClientBankExchange
ВерсияФормата=1.03
Кодировка=Windows
СекцияРасчСчет
РасчСчет=40702810900000012345
КонецРасчСчет
СекцияДокумент=Платежное поручение
Номер=118
Дата=11.03.2027
Сумма=9545.50
ПлательщикСчет=40702810111111111111
ДатаПоступило=11.03.2027
Плательщик1=ООО "Ромашка"
ПлательщикИНН=7801234567
ПолучательСчет=40702810900000012345
НазначениеПлатежа=Оплата по счёту КТ7F3K 2M9Q, НДС не облагается
КонецДокумента
СекцияДокумент=Платежное поручение
Номер=9
Дата=11.03.2027
Сумма=100.00
ПлательщикСчет=40702810900000012345
ДатаСписано=11.03.2027
ПолучательСчет=40702810222222222222
НазначениеПлатежа=Аренда
КонецДокумента
КонецФайла
"""

CAMT = """<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="EUR">125.84</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2027-03-11</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>Bäckerei</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>Rechnung KT7F3K2M9Q</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><Dt>2027-03-11</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="EUR">11.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true</RvslInd><BookgDt><Dt>2027-03-11</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="EUR">12.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts><BookgDt><Dt>2027-03-11</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2027-03-12</Dt></BookgDt><NtryDtls>
<TxDtls><Refs><AcctSvcrRef>B2</AcctSvcrRef></Refs><Amt Ccy="EUR">10.00</Amt></TxDtls><TxDtls><Refs><AcctSvcrRef>B3</AcctSvcrRef></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">20.00</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


@pytest.mark.parametrize("coding", ["cp1251", "utf-8"])
def test_1c_is_read_and_what_went_out_is_not(coding: str) -> None:
    form, [line] = reading.read(ONE_C.encode(coding))
    assert (form, line.amount, line.currency, line.tax_id, line.external_id, line.at.day) == ("1c", 954_550, "RUB", "7801234567", "118", 11)


def test_a_reference_is_found_in_cyrillic_letters_and_with_spaces(books: Books) -> None:
    bill, number = books.issue(currency="RUB"), ids.random_id(8)
    written = f"{bill.reference[:6]} {bill.reference[6:]}".replace("KT", "КТ", 1).replace("B", "В")
    raw = ONE_C.replace("КТ7F3K 2M9Q", written).replace("9545.50", "125.84").replace("Номер=118", f"Номер={number}").replace("7801234567", "")
    assert load(raw.encode("utf-8")).states == {"paid": 1}
    assert books.now(bill).status == "paid"


def test_camt_is_read_by_transaction_and_only_what_was_booked() -> None:
    form, lines = reading.read(CAMT.encode())
    assert form == "camt"
    assert [(line.amount, line.external_id) for line in lines] == [(12_584, "B1"), (1_000, "B2"), (2_000, "B3")]
    assert (lines[0].payer, lines[0].purpose) == ("Bäckerei", "Rechnung KT7F3K2M9Q")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x00\x01\x02", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a/>", b"<Document", ONE_C[:400].encode("cp1251"), b"a;b;c\n1;2;3\n",
        csv_of(("twelve", "", "x", "y")), csv_of(("1e400", "", "x", "y")), csv_of(("NaN", "", "x", "y")), b"Date;Amount\n32.13.2027;5\n", b"\xff\xfe<Document/>",
    ],
)  # fmt: skip
def test_what_is_no_statement_is_refused_whole(raw: bytes, books: Books) -> None:
    with sides.control_unit():
        before = StatementLine.objects.count()
    with pytest.raises(BadStatement):
        load(raw)
    with sides.control_unit():
        assert StatementLine.objects.count() == before


@pytest.mark.parametrize(("text", "minor"), [("1 234,56", 123_456), ("1.234,56", 123_456), ("1,234.56", 123_456), ("1'234.50", 123_450), ("-5.00", -500), ("0,005", 1), ("12", 1_200)])
def test_sums_as_banks_write_them(text: str, minor: int) -> None:
    assert sum_of(text, "EUR") == minor


def test_the_commands_record_and_say_what_came_of_it(books: Books, tmp_path: Any) -> None:
    bill, other = books.issue(), books.issue()
    paid = CliRunner().invoke(commands.pay, [bill.public_id, "--amount", "100.00", "--json"])
    assert '"due": 2584' in paid.output
    file = tmp_path / "march.csv"
    file.write_bytes(csv_of(("125,84", "", other.reference, ids.random_id())))
    read = CliRunner().invoke(commands.statement, [str(file), "--json"])
    assert '"paid": 1' in read.output
    refused = CliRunner().invoke(commands.pay, ["KP-1900-00001", "--amount", "1"])
    assert refused.exit_code == 1
    with sides.control_unit():
        assert Invoice.objects.get(pk=other.pk).status == "paid"
