"""Nothing of a file is lost without a word: what cannot be read is a row's error, what is guessed is said."""

from __future__ import annotations

from crm_core.groundwork.imports import commands, services
from crm_core.groundwork.imports.models import ImportRow, ImportRun, Stage
from crm_core.people.contacts.models import Contact
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def bring_in(door, content: bytes, *, name: str = "list.csv", kind: str = "contacts") -> ImportRun:
    with door.unit():
        run = services.upload(ROBOT, name=name, chunks=[content], kind=kind)
        services.choose(ROBOT, run.pk, kind=kind, chosen=run.mapping, choices=run.choices)
        services.start(ROBOT, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.RUNNING,))


def reasons(door, run: ImportRun) -> dict[int, str]:
    with door.unit():
        return dict(ImportRow.objects.filter(run=run, state="error").values_list("number", "reason"))


def test_a_file_without_a_head_keeps_its_first_row(doors) -> None:
    run = bring_in(doors, b"Daan Visser,daan@h.example,+31205550188\nEva Smit,eva@h.example,+31205550189\n")
    assert (run.rows_total, run.totals["created"]) == (2, 2)
    assert any("looks like data" in doubt for doubt in run.reading["doubts"])
    with doors.unit():
        assert sorted(contact.emails[0]["address"] for contact in Contact.objects.all()) == ["daan@h.example", "eva@h.example"]
        kept = services.upload(ROBOT, name="a.csv", chunks=[b"Kleur,Maat\nrood,5\n"], kind="contacts")
        assert (kept.rows_total, kept.reading["headless"]) == (1, False)
        years = services.upload(ROBOT, name="a.csv", chunks=[b"Land,2024\nNederland,veel\n"], kind="contacts")
        assert years.reading["headless"] is False


def test_all_phones_and_addresses_of_a_card_and_one_cut_off(doors) -> None:
    phones = "".join(f"TEL:+3120555010{at}\r\n" for at in range(5))
    mails = "".join(f"EMAIL:m{at}@v.example\r\n" for at in range(4))
    cards = f"BEGIN:VCARD\r\nFN:Daan Visser\r\n{phones}{mails}END:VCARD\r\nBEGIN:VCARD\r\nFN:Eva Smit\r\nTEL:+3120555"
    run = bring_in(doors, cards.encode(), name="book.vcf")
    assert (run.totals["created"], run.totals["errors"]) == (1, 1)
    assert "no end" in reasons(doors, run)[3]
    with doors.unit():
        daan = Contact.objects.get()
        assert (len(daan.phones), len(daan.emails)) == (5, 4)


def test_a_quotation_mark_that_does_not_close_is_reported(doors) -> None:
    run = bring_in(doors, b'Name,Email,City\nAnn Lee,ann@q.example,Delft\nBo "Li,bo@q.example,Breda\nCy,"cy@q.example,Gouda\nDi,di@q.example,Delft\nEd,ed@q.example,Delft\n')
    assert run.totals["created"] == 2
    assert "further lines taken in by it: 2" in reasons(doors, run)[4]
    closed = bring_in(doors, b'Name,Email,City\nFi,"fi@q.example,Gouda\nGo,go@q.example,Delft\nHo,"ho@q.example",Delft\nIk,ik@q.example,Delft\n')
    assert (closed.totals["created"], list(reasons(doors, closed))) == (1, [2])
    fine = bring_in(doors, b'Name,Email,Notes\nJo,jo@q.example,"a, b, c\nd, e, f"\n')
    assert (fine.totals["created"], fine.totals["errors"]) == (1, 0)


def test_letters_that_cannot_be_decoded_are_reported(doors) -> None:
    good = "".join(f"Зерно {at},z{at}@m.example\n" for at in range(30)).encode()
    run = bring_in(doors, b"Name,Email\n" + good + b"Caf\xe9,cafe@m.example\n")
    assert (run.totals["created"], run.totals["errors"]) == (30, 1)
    assert "cannot be read" in reasons(doors, run)[32]


def test_several_addresses_and_phones_in_a_cell(doors) -> None:
    table = 'Name,Email,Phone\nDaan,"a@s.example; b@s.example","+31 20 5550101, +31 20 5550102; +31 20 5550103 ::: +31 20 5550104"\nEva,"c@s.example, d@s.example",020 5550105 ext. 12\nFi,e@s.example f@s.example,\n'
    run = bring_in(doors, table.encode())
    assert (run.totals["created"], run.totals["errors"]) == (3, 0)
    with doors.unit():
        assert {contact.first_name: (len(contact.emails), len(contact.phones)) for contact in Contact.objects.all()} == {"Daan": (2, 4), "Eva": (2, 1), "Fi": (2, 0)}


def test_a_cell_beyond_any_measure_is_reported(doors) -> None:
    run = bring_in(doors, b"Name,Email\nAnn," + b"x" * 2_100_000 + b"\nBo,bo@l.example\n")
    assert (run.totals["created"], run.totals["errors"]) == (1, 1)


def test_a_file_of_two_encodings_is_never_read_as_gibberish(doors) -> None:
    first, second = "Имя,Город\nПётр Ерёменко,Самара\n".encode(), "Мария Аксёнова,Екатеринбург\n".encode("cp1251")
    run = bring_in(doors, first + second + b"Daan,Delft\n")
    assert (run.totals["created"], list(reasons(doors, run))) == (2, [3])
    assert "cannot be read" in reasons(doors, run)[3]
    assert any("another encoding" in doubt for doubt in run.reading["doubts"])
    with doors.unit():
        assert sorted(contact.name for contact in Contact.objects.all()) == ["Daan", "Пётр Ерёменко"]
    mostly_other = bring_in(doors, first + second * 3)
    assert len(reasons(doors, mostly_other)) == 3
    western = bring_in(doors, "Name,City\nAndré,Nîmes\nZoë,Liège\n".encode("cp1252"))
    assert western.totals["errors"] == 0
