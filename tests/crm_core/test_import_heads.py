"""Columns as the usual programs name them, and what is noted beside them."""

from __future__ import annotations

import pytest

from crm_core.engagement.notes.models import Note
from crm_core.groundwork.imports import kinds, mapping
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from tests.crm_core.test_imports import bring_in, undo

PIPEDRIVE = "Deal - Title,Deal - Organization,Deal - Contact person,Deal - Value,Deal - Currency of Value,Deal - Stage,Deal - Status,Deal - Expected close date,Deal - Lost reason"
HEADS = [
    ("contacts", "Naam,Telefoon,Opmerkingen", {"Naam": "name", "Telefoon": "phone", "Opmerkingen": "note"}),
    ("deals", "Deal Name,Amount,Expected close,Comments", {"Deal Name": "name", "Expected close": "expected_close", "Comments": "note"}),
    ("deals", PIPEDRIVE, {"Deal - Title": "name", "Deal - Organization": "company", "Deal - Contact person": "contact", "Deal - Value": "sum_minor", "Deal - Currency of Value": "currency",
                          "Deal - Stage": "stage", "Deal - Status": "state", "Deal - Expected close date": "expected_close", "Deal - Lost reason": "lost_reason"}),
    ("deals", "Deal Name,Deal Stage,Associated Company,Associated Contact,Close Date", {"Associated Company": "company", "Associated Contact": "contact", "Close Date": "closed_on"}),
    ("contacts", "First Name,Last Name,Email,Associated Company", {"Associated Company": "company"}),
    ("contacts", "First Name,Last Name,Organization Name,Organization Title,E-mail 1 - Value,Phone 1 - Value,Address 1 - Street,Address 1 - City,Address 1 - Postal Code,Address 1 - Country,Notes",
     {"Organization Name": "company", "Organization Title": "position", "E-mail 1 - Value": "email", "Address 1 - Street": "street", "Address 1 - City": "city",
      "Address 1 - Postal Code": "zip", "Address 1 - Country": "country", "Notes": "note"}),
    ("contacts", "First Name,Last Name,Company,Job Title,Business Street,Business City,Business State,Business Postal Code,Business Country/Region,E-mail Address,E-mail 2 Address,Business Phone",
     {"Business Street": "street", "Business City": "city", "Business State": "region", "Business Postal Code": "zip", "Business Country/Region": "country", "E-mail 2 Address": "email", "Business Phone": "phone"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "heads", "expected"), HEADS)
def test_columns_are_matched_by_the_names_others_give_them(inside, kind, heads, expected) -> None:
    columns = [{"name": head, "email": False, "phone": False} for head in heads.split(",")]
    chosen = mapping.suggest(kinds.find(kind), columns)
    assert {name: chosen.get(name) for name in expected} == expected
    assert mapping.guess_kind(columns).code == kind


def test_a_deal_of_pipedrive_stands_where_its_status_says(doors) -> None:
    rows = "Shelves,Bergh,Daan Visser,500,USD,Offer,Won,2030-01-02,\nDoors,Bergh,Daan Visser,70,USD,Offer,Lost,,Too late\nLamps,Bergh,,9,EUR,Offer,Open,,\nBad,Bergh,,9,EUR,Offer,Erased,,\n"
    run = bring_in(doors, f"{PIPEDRIVE}\n{rows}", kind="deals")
    assert (run.totals["created"], run.totals["errors"]) == (3, 1)
    with doors.unit():
        found = {deal.name: deal for deal in Deal.objects.select_related("stage", "company", "lost_reason")}
        assert {name: deal.state for name, deal in found.items()} == {"Shelves": "won", "Doors": "lost", "Lamps": "open"}
        assert (found["Lamps"].stage.name, found["Doors"].lost_reason.name, str(found["Shelves"].expected_close)) == ("Offer", "Too late", "2030-01-02")
        assert (found["Shelves"].currency, found["Shelves"].company.name) == ("USD", "Bergh")


def test_a_column_of_notes_becomes_a_note_once(doors) -> None:
    table = "Name,Email,Comment,Notes\nDaan Visser,d@n.example,Likes tea,Call in May\nEva Smit,e@n.example,,\n"
    first = bring_in(doors, table)
    with doors.unit():
        daan = Contact.objects.get(first_name="Daan")
        assert [note.text for note in Note.objects.filter(entity="contact", record_id=daan.pk)] == ["Likes tea\n\nCall in May"]
    again = bring_in(doors, table)
    assert (again.totals["updated"], again.totals["skipped"]) == (0, 2)
    later = bring_in(doors, "Name,Email,Comment\nDaan Visser,d@n.example,Moved\n")
    assert later.totals["updated"] == 1
    undo(doors, later)
    with doors.unit():
        assert [note.text for note in Note.objects.filter(record_id=daan.pk, binned_at=None)] == ["Likes tea\n\nCall in May"]
    assert undo(doors, first).totals["undo"]["kept"] == []
    assert "Likes tea" not in doors.client().get("/contacts").content.decode()
