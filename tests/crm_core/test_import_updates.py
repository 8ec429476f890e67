"""An update by import: the file's day of closing, links to companies, product lines, further ways to reach; and its undo."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import timezone

from crm_core.groundwork.imports.models import ImportRow
from crm_core.groundwork.timeline import queries as timeline
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contact_services
from crm_core.people.contacts.models import Contact, Employment
from crm_core.people.importing import read_addresses, read_messengers
from crm_core.sales.deals import services as deal_services
from crm_core.sales.deals.models import Deal
from crm_core.sales.products.models import Product
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from tests.crm_core.test_imports import ROBOT, bring_in, undo


def closing(door, name: str = "Shelves") -> tuple[str, date | None]:
    with door.unit():
        deal = Deal.objects.get(name=name)
        return deal.state, timezone.localdate(deal.closed_at) if deal.closed_at else None


def test_a_deal_closed_by_an_update_closed_on_the_day_of_the_file(doors) -> None:
    bring_in(doors, "Deal,Id\nShelves,A1\nDoors,A2\n", kind="deals")
    run = bring_in(doors, "Deal,Id,Stage,Close date,Lost reason\nShelves,A1,Won,2024-03-05,\nDoors,A2,Lost,2024-03-06,Price\n", kind="deals")
    assert (run.totals["updated"], closing(doors), closing(doors, "Doors")) == (2, ("won", date(2024, 3, 5)), ("lost", date(2024, 3, 6)))
    bring_in(doors, "Deal,Id,Stage,Close date,Lost reason\nShelves,A1,Lost,2024-03-05,Price\n", kind="deals")
    assert closing(doors) == ("lost", date(2024, 3, 5))
    later = bring_in(doors, "Id,Close date\nA1,2024-04-01\n", kind="deals")
    assert closing(doors) == ("lost", date(2024, 4, 1))
    undo(doors, later)
    assert closing(doors) == ("lost", date(2024, 3, 5))
    undo(doors, run)
    assert closing(doors, "Doors") == ("open", None)


def test_a_deal_closed_without_a_day_closes_now(doors) -> None:
    bring_in(doors, "Deal,Id\nShelves,A1\n", kind="deals")
    bring_in(doors, "Deal,Id,Stage\nShelves,A1,Won\n", kind="deals")
    assert closing(doors) == ("won", timezone.localdate())


def firms(door) -> list[str]:
    with door.unit():
        return list(Employment.objects.filter(contact__name="Daan Visser").order_by("-main", "id").values_list("company__name", flat=True))


def test_a_link_alone_is_told_and_taken_away_again(doors) -> None:
    with doors.unit():
        daan = contact_services.create_contact(ROBOT, first_name="Daan", last_name="Visser", emails=[{"address": "d@l.example"}], companies=[{"company": "Old", "role": "Owner"}])
    run = bring_in(doors, "Name,Email,Company\nDaan Visser,d@l.example,Bergh\n")
    assert (run.totals["updated"], firms(doors)) == (1, ["Old", "Bergh"])
    with doors.unit():
        [entry] = [one for one in timeline.of_subject(ROBOT, f"contact:{daan.pk}")[0] if one.event.name == "contact.changed"]
        [told] = entry.differences
        assert (told.label, told.before, told.after) == ("Companies", "Old (Owner)", "Old (Owner), Bergh")
    again = bring_in(doors, "Name,Email,Company\nDaan Visser,d@l.example,Bergh\n")
    assert (again.totals["updated"], again.totals["skipped"]) == (0, 1)
    undone = undo(doors, run)
    assert (undone.totals["undo"]["kept"], undone.totals["undo"]["restored"], firms(doors)) == ([], 1, ["Old"])
    with doors.unit():
        assert not Company.objects.filter(name="Bergh", binned_at=None).exists()
        assert Employment.objects.get(contact=daan).main


@pytest.mark.parametrize(("companies", "left", "kept"), [
    ([{"company": "Bergh", "role": "Buyer"}], ["Bergh"], 1),
    ([{"company": "Bergh"}, {"company": "Later"}], ["Later"], 0),
    ([{"company": "Later"}], ["Later"], 1),
])  # fmt: skip
def test_a_link_that_someone_changed_later_stays(doors, companies, left, kept) -> None:
    with doors.unit():
        daan = contact_services.create_contact(ROBOT, first_name="Daan", last_name="Visser", emails=[{"address": "d@l.example"}])
        from crm_core.people.companies import services as company_services

        company_services.create_company(ROBOT, name="Bergh")
    run = bring_in(doors, "Name,Email,Company\nDaan Visser,d@l.example,Bergh\n")
    with doors.unit():
        olga = actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example"))
        contact_services.change_contact(olga, daan.pk, companies=companies)
        if kept == 0:
            Company.objects.filter(name="Bergh").update(name="Bergh & Co")  # another name is no other link
    undone = undo(doors, run)
    assert (firms(doors), len(undone.totals["undo"]["kept"])) == (left, kept)


def lines(door) -> list[tuple[str, int, int, int]]:
    with door.unit():
        return list(Deal.objects.get(name="Shelves").lines.values_list("name", "quantity_milli", "price_minor", "discount"))


def test_lines_of_a_deal_are_changed_and_added_and_put_back(doors) -> None:
    bring_in(doors, "Deal,Id,Product,Amount\nShelves,A1,Oak,100\n", kind="deals")
    assert lines(doors) == [("Oak", 1000, 100_00, 0)]
    table = "Deal,Id,Product,Quantity of the product,Price of the product,Discount on the product (%)\nShelves,A1,oak; Ash,3; 1.5,\"12.50; €7\",5\n"
    assert bring_in(doors, table, kind="deals", duplicates="skip").totals["skipped"] == 1
    with doors.unit():
        assert not Product.objects.filter(name="Ash").exists()
    run = bring_in(doors, table, kind="deals")
    assert (run.totals["updated"], run.totals["errors"], lines(doors)) == (1, 0, [("Oak", 3000, 12_50, 5), ("Ash", 1500, 7_00, 0)])
    assert bring_in(doors, table, kind="deals").totals["skipped"] == 1
    with doors.unit():
        deal = Deal.objects.get(name="Shelves")
        assert set(Event.objects.get(name="deal.changed", record_id=deal.pk).before) == {"lines"}
    undone = undo(doors, run)
    assert (undone.totals["undo"]["kept"], lines(doors)) == ([], [("Oak", 1000, 100_00, 0)])


def test_lines_that_someone_changed_later_stay(doors) -> None:
    bring_in(doors, "Deal,Id,Product,Amount\nShelves,A1,Oak,100\n", kind="deals")
    run = bring_in(doors, "Deal,Id,Product,Quantity of the product\nShelves,A1,Oak,3\n", kind="deals")
    with doors.unit():
        deal_services.change_deal(ROBOT, Deal.objects.get(name="Shelves").pk, lines=[{"product": "Oak", "quantity_milli": 4000, "price_minor": 1}])
    assert [one["name"] for one in undo(doors, run).totals["undo"]["kept"]] == ["Shelves"]
    assert lines(doors) == [("Oak", 4000, 1, 0)]


@pytest.mark.parametrize(("product", "quantity", "price", "reason"), [
    ("Oak", "1; 2", "", "more"), ("Oak", "many", "", "not a number"), ("Oak", "", "99999999999999999999", "too large"), ("Oak", "1", "$5; €5", "more than one currency"),
])  # fmt: skip
def test_lines_that_cannot_be_read_are_a_row_s_error(doors, product, quantity, price, reason) -> None:
    run = bring_in(doors, f"Deal,Id,Product,Quantity of the product,Price of the product\nShelves,A1,{product},{quantity},{price}\nDoors,A2,Oak,1,1\n", kind="deals")
    assert (run.totals["created"], run.totals["errors"]) == (1, 1)
    with doors.unit():
        assert reason in ImportRow.objects.get(run=run).reason


def test_prices_without_a_currency_take_the_deal_s(doors) -> None:
    with doors.unit():
        deal_services.create_deal(ROBOT, name="Shelves", currency="JPY", external_id="A1", lines=[{"product": "Oak", "price_minor": 5}])
    bring_in(doors, "Id,Product,Price of the product\nA1,Oak,700\n", kind="deals")
    assert lines(doors) == [("Oak", 1000, 700, 0)]
    with doors.unit():
        assert Deal.objects.get(name="Shelves").currency == "JPY"


def test_messengers_and_addresses_as_people_write_them(inside) -> None:
    assert read_messengers("Telegram: daanw, WhatsApp:+31 6 1234; viber : x, y\n@alone") == [
        {"service": "telegram", "name": "daanw"}, {"service": "whatsapp", "name": "+31 6 1234"}, {"service": "viber", "name": "x, y"}, {"service": "other", "name": "@alone"},
    ]  # fmt: skip
    assert read_messengers("daanw, https://t.me/daan") == [{"service": "other", "name": "daanw"}, {"service": "other", "name": "https://t.me/daan"}]
    assert read_addresses("Улица: Кадé 1; Город: Delft; rear\nVille: Breda; Kade 9, Gouda") == [
        {"kind": "work", "street": "Кадé 1", "city": "Delft; rear"}, {"kind": "work", "city": "Breda; Kade 9, Gouda"},
    ]  # fmt: skip
    assert read_addresses("Kade 9, Gouda; Dok 1") == [{"kind": "work", "street": "Kade 9, Gouda"}, {"kind": "work", "street": "Dok 1"}]


def test_an_update_doubles_neither_address_nor_messenger(doors) -> None:
    with doors.unit():
        contact_services.create_contact(ROBOT, first_name="Daan", emails=[{"address": "d@l.example"}], messengers=[{"service": "telegram", "name": "daanw"}],
                                        addresses=[{"kind": "work", "street": "Kade 1", "zip": "2611", "city": "Delft"}])  # fmt: skip
    head = "Name,Email,Street,City,Further addresses,Messengers\n"
    same = bring_in(doors, f'{head}Daan,d@l.example,kade 1,Delft,"Kade 1, 2611, Delft",Telegram: DaanW\n')
    assert (same.totals["updated"], same.totals["skipped"]) == (0, 1)
    more = bring_in(doors, f"{head}Daan,d@l.example,Kade 1,Delft,City: Breda,skype: daan\n")
    with doors.unit():
        daan = Contact.objects.get()
        assert [row["city"] for row in daan.addresses] == ["Delft", "Breda"]
        assert [row["service"] for row in daan.messengers] == ["telegram", "skype"]
    undo(doors, more)
    with doors.unit():
        assert (len(Contact.objects.get().addresses), len(Contact.objects.get().messengers)) == (1, 1)
