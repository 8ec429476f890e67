"""Bad input, tried on purpose: each file is read as it was meant, or refused with a sentence."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
import xlsxwriter

from crm_core.groundwork.imports import commands, reading, recognising, running, services
from crm_core.groundwork.imports.models import ImportRow, ImportRun, Stage
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.sheets import neutral
from tenants.inside.models import WorkspaceState

ROBOT = robot("test")


def table(tmp_path, content: bytes, name: str = "list.csv") -> tuple[reading.Reading, list[list[str]]]:
    path = tmp_path / name
    path.write_bytes(content)
    read = reading.recognise(path, name)
    return read, list(reading.rows(path, read))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(tmp_path, encoding, separator, ending) -> None:
    lines = [["Имя", "Фамилия", "Город"], ["Мария", "Аксёнова", "Самара"], ["Пётр", "Ерёменко", "Нижний Новгород"], ["Ирина", "Соколова", "Екатеринбург"]] * 3
    text = ending.join(separator.join(line) for line in lines)
    _read, rows = table(tmp_path, text.encode(encoding))
    assert rows == lines


def test_western_letters_and_a_mixed_file(tmp_path) -> None:
    _read, rows = table(tmp_path, "Prénom;Nom\nHélène;Lefèvre\nNoémie;Châtelain\n".encode("cp1252") * 20)
    assert rows[1] == ["Hélène", "Lefèvre"]
    mixed, rows = table(tmp_path, "name,city\nЗерно,Самара\n".encode() * 30 + b"Caf\xe9,Lyon\n")
    assert rows[1] == ["Зерно", "Самара"]
    assert mixed.doubts or rows[-1][0].startswith("Caf")


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "a.csv"), (b"  \n , ,\n", "a.csv"), (b"PK\x03\x04rubbish", "a.csv"), (bytes(range(256)) * 50, "a.csv"), (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9, "a.csv")],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path, content, name) -> None:
    with pytest.raises(reading.CannotRead) as refused:
        table(tmp_path, content, name)
    assert len(refused.value.message) > 15


def test_a_workbook_and_an_address_book(tmp_path) -> None:
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True})
    sheet = book.add_worksheet("People")
    sheet.write_row(0, 0, ["Name", "Phone", "Sum"])
    sheet.write_row(1, 0, ["Daan", "020 5550188", 1234.5])
    book.close()
    _read, rows = table(tmp_path, held.getvalue(), "people.xlsx")
    assert rows == [["Name", "Phone", "Sum"], ["Daan", "020 5550188", "1234.5"]]
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Visser;Daan;;;\r\nFN:Daan Visser\r\nTEL;TYPE=WORK:+31 20 555\r\n  0188\r\nitem1.EMAIL:daan@bergh.example\r\nORG:Bergh \\, Zonen\r\nEND:VCARD\r\n"
    _read, rows = table(tmp_path, card.encode(), "people.vcf")
    found = dict(zip(rows[0], rows[1], strict=True))
    assert (found["First name"], found["Last name"], found["Phone"], found["Company"], found["E-mail"]) == ("Daan", "Visser", "+31 20 555 0188", "Bergh , Zonen", "daan@bergh.example")


def test_the_order_of_dates_is_decided_by_unambiguous_rows() -> None:
    assert recognising.date_order(["01/02/2024", "12/31/2024"]) == recognising.DateOrder("mdy", certain=True)
    assert recognising.date_order(["01/02/2024", "31/12/2024"]) == recognising.DateOrder("dmy", certain=True)
    assert recognising.date_order(["01/02/2024"]) == recognising.DateOrder("dmy", certain=False)
    both = recognising.date_order(["12/31/2024", "12/30/2024", "31/12/2024"])
    assert (both.order, both.certain, both.doubt) == ("mdy", False, 1)
    assert str(recognising.read_date("12/31/2024", "mdy")) == "2024-12-31"
    assert recognising.read_date("31/12/2024", "mdy") is None
    assert str(recognising.read_date("3 декабря 2024", "dmy")) == "2024-12-03"
    assert str(recognising.read_date("Dec 3, 2024", "dmy")) == "2024-12-03"
    assert recognising.date_order(["hello", "world"]) is None


@pytest.mark.parametrize(
    ("text", "sign", "figure"),
    [("1,234.56", ".", "1234.56"), ("1 234,56", ",", "1234.56"), ("1.234,56", ",", "1234.56"), ("1'234.56", ".", "1234.56"), ("(12.50)", ".", "-12.50"), ("€ 1.234", ",", "1234"), ("1,234", ".", "1234"), ("1,234", ",", "1.234"), ("-5", ".", "-5"), ("12 USD", ".", "12")],
)
def test_figures_in_the_columns_notation(text, sign, figure) -> None:
    assert recognising.read_number(text, sign) == Decimal(figure)


def test_what_is_no_figure_is_none() -> None:
    for text in ("", "abc", "1.2.3,4,5", "--", "€"):
        assert recognising.read_number(text, ".") is None


def test_columns_in_figures_notation_are_told_apart() -> None:
    assert recognising.decimal_sign(["1,234.56", "12"]) == (".", True)
    assert recognising.decimal_sign(["1 234,56", "7,5"]) == (",", True)
    assert recognising.decimal_sign(["1.234", "5.678"])[1] is False


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx"])
def test_formulas_are_neutralised(text) -> None:
    assert neutral(text) == f"'{text}"


def test_phones_and_figures_are_not() -> None:
    assert neutral("+31 20 555 0188") == "+31 20 555 0188"
    assert neutral("-5.50") == "-5.50"
    assert neutral("plain") == "plain"


def bring_in(door, content: str, *, kind: str = "contacts", stop_after: int | None = None, **choices) -> ImportRun:
    with door.unit():
        run = services.upload(ROBOT, name="list.csv", chunks=[content.encode()], kind=kind)
        services.choose(ROBOT, run.pk, kind=kind, chosen=run.mapping, choices={**run.choices, **choices})
        services.start(ROBOT, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.RUNNING,)) if stop_after is None else run


def test_one_bad_row_does_not_stop_the_others(doors) -> None:
    long = "x" * 5000
    run = bring_in(doors, f"First name,Last name,Email\nDaan,Visser,daan@a.example\nBad,{long},bad@a.example\nEvil,<b>{{{{ 7*7 }}}}</b>,evil@a.example\nNo,Mail,nonsense\n🦊,Oʻzbek مرحبا,fox@a.example\n,,\n")
    assert (run.totals["created"], run.totals["errors"]) == (3, 2)
    with doors.unit():
        reasons = {row.number: row.reason for row in ImportRow.objects.filter(run=run)}
        assert "At most 120 letters" in reasons[3]
        assert "not an e-mail address" in reasons[5]
        evil = Contact.objects.get(first_name="Evil")
        assert Contact.objects.filter(first_name="🦊").exists()
    card = doors.client().get(f"/contacts/{evil.pk}").content.decode()
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in card
    mend = doors.client().get(f"/imports/{run.pk}/rows/error").content.decode("utf-8-sig")
    assert "nonsense" in mend


def test_header_only_one_column_and_twin_heads(doors) -> None:
    assert bring_in(doors, "First name,Last name\n").totals.get("created", 0) == 0
    assert bring_in(doors, "Name\nDaan Visser\n").totals["created"] == 1
    twins = bring_in(doors, "Name,Phone,Phone\nTwo Phones,020 5550001,020 5550002\n")
    with doors.unit():
        assert len(Contact.objects.get(last_name="Phones").phones) == 2
    assert twins.totals["errors"] == 0


def test_a_killed_worker_doubles_nothing(doors, monkeypatch) -> None:
    """The worker dies after the second batch was written, before its commit; another takes over from the checkpoint."""
    monkeypatch.setattr(running, "BATCH", 10)
    rows = "\n".join(f"Person {at},p{at}@kill.example" for at in range(35))
    run = bring_in(doors, f"First name,Email\n{rows}\n", stop_after=0)
    keep, calls = running.keep, []

    def dying(*given, **named):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return keep(*given, **named)

    monkeypatch.setattr(running, "keep", dying)
    with pytest.raises(KeyboardInterrupt):
        serving.serve_side(doors.unit, seconds=60)
    with doors.unit():
        assert Contact.objects.filter(emails__0__address__endswith="@kill.example").count() == 10
        Job.objects.filter(name="imports.run").update(leased_until="2020-01-01T00:00:00Z")
    commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    with doors.unit():
        assert Contact.objects.filter(emails__0__address__endswith="@kill.example").count() == 35
        assert ImportRun.objects.get(pk=run.pk).totals["created"] == 35


def test_over_the_limit_takes_what_fits_and_keeps_the_rest_waiting(doors) -> None:
    with doors.unit():
        WorkspaceState.objects.update(limits={"contacts": 10}, billing_state="active")
    rows = "\n".join(f"Person {at},q{at}@full.example" for at in range(30))
    run = bring_in(doors, f"First name,Email\n{rows}\n")
    assert (run.totals["created"], run.totals["waiting"], run.totals["errors"]) == (11, 19, 0)
    with doors.unit():
        WorkspaceState.objects.update(limits={"contacts": 1000})
        services.take_in_waiting(ROBOT, run.pk)
    after = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert (after.totals["created"], after.totals["waiting"]) == (30, 0)
    with doors.unit():
        assert Contact.objects.count() == 30


def test_undo_keeps_and_lists_what_someone_changed_later(doors) -> None:
    from crm_core.people.contacts import services as contacts

    run = bring_in(doors, "First name,Email\nDaan,d@u.example\nEva,e@u.example\n")
    with doors.unit():
        eva = Contact.objects.get(first_name="Eva")
        from crm_platform.accounts.actors import actor_of
        from crm_platform.accounts.models import User

        contacts.change_contact(actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example")), eva.pk, position="Buyer")
        services.undo(ROBOT, run.pk)
    undone = commands._until_done(doors.place, run.pk, (Stage.UNDOING,))
    assert undone.totals["undo"]["kept"] == [{"entity": "contact", "id": eva.pk, "name": "Eva"}]
    with doors.unit():
        assert list(Contact.objects.filter(binned_at=None).values_list("first_name", flat=True)) == ["Eva"]


def test_an_update_is_put_back_and_an_unknown_stage_is_not_guessed(doors) -> None:
    bring_in(doors, "Deal,Stage,Amount,Id\nShelves,Talking,100,A1\n", kind="deals")
    second = bring_in(doors, "Deal,Stage,Amount,Id\nShelves,Talking,250,A1\n", kind="deals")
    assert (second.totals["created"], second.totals["updated"]) == (0, 1)
    with doors.unit():
        assert Deal.objects.get(external_id="A1").sum_minor == 250_00
        services.undo(ROBOT, second.pk)
    commands._until_done(doors.place, second.pk, (Stage.UNDOING,))
    with doors.unit():
        assert Deal.objects.get(external_id="A1").sum_minor == 100_00
    third = bring_in(doors, "Deal,Stage,Id\nDoors,Wno,A2\n", kind="deals", add_missing=False)
    with doors.unit():
        assert "No such stage: “Wno”" in ImportRow.objects.get(run=third).reason


def undo(door, run: ImportRun) -> ImportRun:
    with door.unit():
        services.undo(ROBOT, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.UNDOING,))


def everything(door) -> dict[str, object]:
    """What an undo has to bring back."""
    from crm_core.groundwork.custom_fields.models import CustomField
    from crm_core.groundwork.tags.models import Tag
    from crm_core.people.companies.models import Company
    from crm_core.sales.pipelines.models import LostReason, Pipeline
    from crm_core.sales.pipelines.models import Stage as PipelineStage
    from crm_platform.accounts.models import User

    with door.unit():
        fields = {field.name: [option["label"] for option in field.options if not option.get("archived")] for field in CustomField.objects.filter(archived_at=None)}
        return {
            "companies": Company.objects.filter(binned_at=None).count(), "deals": Deal.objects.filter(binned_at=None).count(),
            "stages": sorted(PipelineStage.objects.values_list("name", flat=True)), "pipelines": sorted(Pipeline.objects.filter(archived_at=None).values_list("name", flat=True)),
            "reasons": sorted(LostReason.objects.filter(archived_at=None).values_list("name", flat=True)), "tags": sorted(Tag.objects.values_list("name", flat=True)),
            "people": User.objects.filter(deactivated_at=None).count(), "fields": fields,
        }  # fmt: skip


COMPANIES_CSV = "Company,Sector\nBergh,Retail\nZonen,Retail\n"
DEALS_CSV = "Deal,Company,Stage,Pipeline,Lost reason,Tags,Sales agent,Size,Mood,Id\nShelves,Bergh,Engaging,,,vip,Ann Lee,Large,good,A1\nDoors,Zonen,Lost,,Too late,,Ann Lee,Small,,A2\nWindows,Zonen,Looking,Export,,vip,,Small,,A3\n"


def test_undo_newest_first_brings_everything_back(doors) -> None:
    from crm_core.groundwork.custom_fields import services as custom

    with doors.unit():
        size = custom.add_field(ROBOT, entity="deal", name="Size", kind="list", options=["Small"])
    before = everything(doors)
    first = bring_in(doors, COMPANIES_CSV, kind="companies")
    between = everything(doors)
    with doors.unit():
        run = services.upload(ROBOT, name="list.csv", chunks=[DEALS_CSV.encode()], kind="deals")
        assert run.mapping["Size"] == f"custom:{size.pk}"
        services.choose(ROBOT, run.pk, kind="deals", chosen={**run.mapping, "Mood": "new"}, choices=run.choices)
        services.start(ROBOT, run.pk)
    second = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert (second.totals["created"], second.totals["errors"]) == (3, 0)
    after = everything(doors)
    assert all(after[name] != between[name] for name in ("deals", "stages", "pipelines", "reasons", "tags", "people", "fields"))
    third = bring_in(doors, DEALS_CSV, kind="deals")
    assert (third.totals["created"], third.totals["skipped"]) == (0, 3)
    undo(doors, third)
    assert everything(doors) == after
    assert undo(doors, second).totals["undo"]["kept"] == []
    assert everything(doors) == between
    assert undo(doors, first).totals["undo"]["kept"] == []
    assert everything(doors) == before
    page = doors.client().get(f"/imports/{first.pk}").content.decode()
    assert "to the bin, Companies: <b>2</b>" in page
    assert commands.undo_in_words({"binned": {"company": 2, "deal": 0}, "kept": [], "restored": 0}) == "Into the bin, Companies: 2"
    again = bring_in(doors, DEALS_CSV, kind="deals")
    assert (again.totals["created"], again.totals["errors"]) == (3, 0)
    assert everything(doors)["fields"]["Size"] == ["Small", "Large"]


def test_an_import_that_still_stands_keeps_what_it_touched(doors) -> None:
    first = bring_in(doors, COMPANIES_CSV, kind="companies")
    second = bring_in(doors, "Deal,Company,Stage,Id\nShelves,Bergh,Engaging,A1\n", kind="deals")
    third = bring_in(doors, "Deal,Company,Stage,Id\nLamps,Bergh,Engaging,A9\n", kind="deals")
    assert [row["name"] for row in undo(doors, first).totals["undo"]["kept"]] == ["Bergh"]
    undo(doors, second)
    assert "Engaging" in everything(doors)["stages"]
    undo(doors, third)
    assert "Engaging" not in everything(doors)["stages"]


@pytest.mark.parametrize(
    ("cell", "column", "minor", "code"),
    [
        ("$500", "", 500_00, "USD"), ("€ 500", "", 500_00, "EUR"), ("500 ₽", "", 500_00, "RUB"), ("JPY 5000", "", 5000, "JPY"), ("1 234,56 руб.", "", 1234_56, "RUB"),
        ("-£12.50", "", -12_50, "GBP"), ("500", "USD", 500_00, "USD"), ("5000", "¥", 5000, "JPY"), ("500 so'm", "", 500_00, "UZS"), ("500", "", 500_00, "EUR"), ("500 TTC", "Euro", 500_00, "EUR"), ("500", "US Dollar", 500_00, "USD"),
    ],
)  # fmt: skip
def test_the_currency_of_a_value_is_never_lost(doors, cell, column, minor, code) -> None:
    run = bring_in(doors, f'Deal,Amount,Currency,Id\nShelves,"{cell}",{column},A1\n', kind="deals")
    assert run.totals["errors"] == 0
    with doors.unit():
        deal = Deal.objects.get(external_id="A1")
        assert (deal.sum_minor, deal.currency) == (minor, code)
    bring_in(doors, "Deal,Source,Id\nShelves,Fair,A1\n", kind="deals")
    with doors.unit():
        assert (Deal.objects.get(external_id="A1").source, Deal.objects.get(external_id="A1").currency) == ("Fair", code)


@pytest.mark.parametrize(("cell", "column"), [("CAD 500", ""), ("₹ 500", ""), ("500", "AUD"), ("$500", "EUR"), ("$500 CAD", ""), ("500 kr", ""), ("500 Canadian dollars", ""), ("500", "shells")])
def test_a_currency_we_do_not_keep_is_a_rows_error(doors, cell, column) -> None:
    run = bring_in(doors, f"Deal,Amount,Currency,Id\nShelves,{cell},{column},A1\nDoors,5,,A2\n", kind="deals")
    assert (run.totals["created"], run.totals["errors"]) == (1, 1)
    with doors.unit():
        assert "currency" in ImportRow.objects.get(run=run).reason


def test_contacts_without_phone_or_mail_are_found_again(doors) -> None:
    table = "ID,Name,Position\n7,Daan Visser,Buyer\n8,Eva Smit,Owner\n"
    assert bring_in(doors, table).totals["created"] == 2
    assert (bring_in(doors, table).totals["created"], bring_in(doors, table).totals["skipped"]) == (0, 2)
    nameless = bring_in(doors, "Name,Position\nDaan Visser,Director\nEva Smit,Owner\n")
    assert (nameless.totals["created"], nameless.totals["updated"], nameless.totals["skipped"]) == (0, 1, 1)


def test_a_name_in_one_piece_is_found_however_it_was_cut(doors) -> None:
    bring_in(doors, "First name,Last name\nDaan Willem,de Visser\nEva,\n")
    again = bring_in(doors, "Name\nDaan Willem de Visser\nEva\n")
    assert (again.totals["created"], again.totals["updated"], again.totals["skipped"]) == (0, 0, 2)


def test_a_name_is_the_weakest_key(doors) -> None:
    bring_in(doors, "Name,Email,Company,ID\nAnn Lee,ann@a.example,Acme,1\nBo Li,,Acme,2\nCy Ng,,,\nCy Ng,,Other,\n")
    later = bring_in(doors, "Name,Email,Company,ID\nAnn Lee,other@a.example,Acme,\nBo Li,,Acme,3\nBo Li,bo@a.example,,\nCy Ng,,Other,\n")
    # another address; another number; the one Bo without an address gets it... there are two by then; the Cy of that firm
    assert (later.totals["created"], later.totals["errors"]) == (2, 0)
    with doors.unit():
        assert Contact.objects.filter(name="Ann Lee").count() == 2
        assert Contact.objects.filter(name="Bo Li").count() == 2
        assert Contact.objects.filter(name="Cy Ng").count() == 2
        assert [contact.external_id for contact in Contact.objects.filter(emails__0__address="bo@a.example")] == ["2"]


def test_twins_of_one_table_are_told_apart_by_what_they_do(doors) -> None:
    table = "Name,Position\nAnn Lee,Buyer\nAnn Lee,Owner\nAnn Lee,Owner\n"
    first, second = bring_in(doors, table), bring_in(doors, table)
    assert (first.totals["created"], first.totals["skipped"]) == (2, 1)
    assert (second.totals["created"], second.totals["skipped"]) == (0, 3)


def test_one_phone_of_a_firm_does_not_make_one_of_two_numbers(doors) -> None:
    table = "ID,Name,Phone\n1,Ann Lee,020 5550001\n2,Bo Li,020 5550001\n"
    assert bring_in(doors, table).totals["created"] == 2
    assert bring_in(doors, table).totals["created"] == 0
