"""Addresses of a firm's own: proved by its name servers, looked after daily, and never anybody else's."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client

from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound, ReadOnly
from crm_platform.letters.models import Letter
from tenants import keeper, routing
from tenants.lifecycle import checking, hosts, leaving, lookup, naming, telling
from tenants.lifecycle.models import FormerHost, HostState, OwnHost
from tenants.models import Domain
from tests.conftest import log_in
from tests.factories.cast import cast
from tests.tenants.lives import OPERATOR, World, join, let_go


@pytest.fixture
def world(monkeypatch) -> World:
    made = World()
    monkeypatch.setattr(lookup, "resolver", made)
    return made


def fresh() -> str:
    return f"crm.{ids.random_id(10)}.com"


def wish(door, host: str) -> OwnHost:
    answer = door.client().post("/settings/address/own", {"host": host, "operation": str(uuid.uuid4())})
    assert answer.status_code == 303, answer.content.decode()[-2000:]
    with sides.control_unit():
        return OwnHost.objects.get(workspace=door.workspace, host=host)


def looked(row: OwnHost) -> OwnHost:
    checking.check_host(row.pk)
    with sides.control_unit():
        return OwnHost.objects.get(pk=row.pk)


def letters(door) -> list[str]:
    """The subjects of the letters written since the last asking."""
    with door.unit():
        found = list(Letter.objects.order_by("pk").values_list("subject", flat=True))
        Letter.objects.all().delete()
    return found


def prove(world: World, row: OwnHost) -> None:
    world.text[f"_kartoteka.{row.host}"] = {"v=spf1", row.token}


def lead(world: World, row: OwnHost, door) -> None:
    world.name[row.host] = f"{door.place.slug}.localhost"


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("crm.firm.com", "crm.firm.com"), ("  HTTPS://CRM.Firm.com:443/board?x ", "crm.firm.com"), ("crm.firm.com.", "crm.firm.com"),
        ("crm.зерно.рф", "crm.xn--e1adtei.xn--p1ai"), ("bücher.example", "xn--bcher-kva.example"), ("ｃｒｍ.firm.com", "crm.firm.com"),
    ],
)  # fmt: skip
def test_a_host_is_written_in_one_way(typed, host) -> None:
    assert naming.normalised(typed) == host


@pytest.mark.parametrize(
    "typed",
    [
        "", "firm", "localhost", "acme.localhost", "10.0.0.1", "[::1]", "::1", "co.uk", "github.io", "рф", "com", "crm..firm.com", "-crm.firm.com", "crm_x.firm.com", "crm firm.com",
        "crm.firm.com/../", "a" * 64 + ".com", "x." * 130 + "com", "crm.firm.123", "1.2.3", "xn--zz.com", "a‍b.com", "crm.<b>.com", "http://[", "user@:80", ".com",
    ],
)  # fmt: skip
def test_nonsense_and_what_is_not_a_firm_s_is_refused(typed) -> None:
    if typed == "crm.firm.com/../":
        assert naming.normalised(typed) == "crm.firm.com"
        return
    with pytest.raises(naming.HostRefused):
        naming.normalised(typed)


def test_from_a_wish_to_an_address_that_works_and_only_then_it_routes(doors, world) -> None:
    host = fresh()
    row = wish(doors, host)
    visitor = Client(HTTP_HOST=host, raise_request_exception=False)
    assert visitor.get("/account/login/").status_code == 404
    assert looked(row).state == HostState.PENDING
    prove(world, row)
    row = looked(row)
    assert (row.state, row.problem) == (HostState.VERIFIED, "elsewhere")
    assert visitor.get("/account/login/").status_code == 404
    lead(world, row, doors)
    row = looked(row)
    assert (row.state, row.problem) == (HostState.ACTIVE, "")
    assert visitor.get("/account/login/").status_code == 200
    assert routing.find_by_address(host).place.public_id == doors.place.public_id
    page = doors.client().get("/settings/address").content.decode()
    assert host in page
    assert "Works" in page
    with doors.unit():
        assert list(Event.objects.filter(name__startswith="workspace.host").values_list("name", "after__name")) == [("workspace.host_added", host), ("workspace.host_changed", host)]


def test_the_cname_alone_proves_and_numbers_alone_do_not(doors, world) -> None:
    by_name, by_number = wish(doors, fresh()), wish(doors, fresh())
    lead(world, by_name, doors)
    world.number[by_number.host] = world.number["localhost"] = {"203.0.113.5"}
    assert looked(by_name).state == HostState.ACTIVE
    assert looked(by_number).state == HostState.PENDING
    prove(world, by_number)
    assert looked(by_number).state == HostState.ACTIVE


def test_work_at_an_own_host_cookies_forms_and_ways_back(doors, world) -> None:
    host = fresh()
    row = wish(doors, host)
    lead(world, row, doors)
    looked(row)
    browser = Client(HTTP_HOST=host, raise_request_exception=False, enforce_csrf_checks=True)
    log_in(browser, doors.place, email="olga@veldhuis.example")
    page = browser.get("/contacts/new")
    assert page.status_code == 200
    token = browser.cookies["csrf"].value
    assert browser.cookies["csrf"]["domain"] == ""  # host-only
    for origin, status in ((f"http://{host}", 303), (f"http://{doors.host}", 403), ("http://evil.example", 403)):
        answer = browser.post("/contacts/new", {"first_name": "Anna", "csrfmiddlewaretoken": token}, HTTP_ORIGIN=origin)
        assert answer.status_code == status, origin
        if status == 303:
            assert answer.headers["Location"].startswith("/")
    assert doors.client(email=None).get("/contacts", HTTP_HOST=host).headers["Location"].startswith("/account/login/?next=/contacts")
    # a rename made at the own host leaves the person there
    answer = browser.post("/settings/address", {"slug": f"n-{ids.random_id(8)}", "operation": str(uuid.uuid4()), "csrfmiddlewaretoken": token}, HTTP_ORIGIN=f"http://{host}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/address")
    assert browser.get("/settings/address").status_code == 200


def test_what_fails_leads_here_for_three_days_and_must_be_proved_anew(doors, world) -> None:
    row = wish(doors, fresh())
    lead(world, row, doors)
    looked(row)
    letters(doors)
    world.silent = True
    assert looked(row).state == HostState.ACTIVE  # nobody could be asked: nothing is known
    world.silent = False
    del world.name[row.host]
    row = looked(row)
    assert row.state == HostState.FAILING
    assert letters(doors) == [f"{row.host} does not lead to Atelier Veldhuis as it should"]
    assert routing.find_by_address(row.host) is not None
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert looked(row).state == HostState.FAILING
        assert routing.find_by_address(row.host) is not None
    with clock.frozen(clock.now() + timedelta(days=3, minutes=1)):
        assert looked(row).state == HostState.PENDING
        assert letters(doors) == [f"{row.host} leads to Atelier Veldhuis no more"]
        assert routing.find_by_address(row.host) is None
    lead(world, row, doors)
    assert looked(row).state == HostState.ACTIVE
    assert letters(doors) == []


def test_silent_name_servers_count_as_failing_after_three_days(doors, world) -> None:
    row = wish(doors, fresh())
    lead(world, row, doors)
    looked(row)
    world.silent = True
    with clock.frozen(clock.now() + timedelta(days=3, minutes=1)):
        assert looked(row).state == HostState.FAILING
    world.silent = False
    assert looked(row).state == HostState.ACTIVE


def test_who_proves_it_has_it(two_doors, world) -> None:
    mine, other = two_doors
    host = fresh()
    my_wish, their_wish = wish(mine, host), None
    answer = other.client("eve@elsewhere.example").post("/settings/address/own", {"host": host, "operation": str(uuid.uuid4())})
    assert answer.status_code == 303  # many may wish
    with sides.control_unit():
        their_wish = OwnHost.objects.get(workspace=other.workspace, host=host)
    assert my_wish.token != their_wish.token
    prove(world, their_wish)
    lead(world, their_wish, other)
    assert looked(my_wish).state == HostState.PENDING  # the CNAME leads to the other's address
    assert looked(their_wish).state == HostState.ACTIVE
    prove(world, my_wish)
    lead(world, my_wish, mine)
    row = looked(my_wish)
    assert (row.state, row.problem) == (HostState.PENDING, "taken")
    assert routing.find_by_address(host).place.public_id == other.place.public_id
    with pytest.raises(Invalid), mine.unit():
        hosts.add_by(cast()["owner"], mine.place.public_id, typed=host, operation=uuid.uuid4())
    with pytest.raises(NotFound):
        hosts.find(mine.place.public_id, their_wish.pk)
    for path in (f"/settings/address/own/{their_wish.pk}", f"/settings/address/own/{their_wish.pk}/remove"):
        assert mine.client().get(path).status_code == 404
        assert mine.client().post(path, {}).status_code in (404, 405)


def test_a_leaving_workspace_s_host_is_not_taken_over_by_an_old_cname(two_doors, world) -> None:
    mine, other = two_doors
    row = wish(mine, fresh())
    lead(world, row, mine)
    looked(row)
    let_go(mine)
    assert routing.find_by_address(row.host) is None
    with sides.control_unit():
        assert not Domain.objects.filter(domain=row.host).exists()
        assert FormerHost.objects.filter(digest=hosts.digest(row.host)).exists()
    world.name[row.host] = f"{other.place.slug}.localhost"
    answer = other.client("eve@elsewhere.example").post("/settings/address/own", {"host": row.host, "operation": str(uuid.uuid4())})
    assert answer.status_code == 303
    with sides.control_unit():
        theirs = OwnHost.objects.get(workspace=other.workspace, host=row.host)
    theirs = looked(theirs)
    assert (theirs.state, theirs.problem) == (HostState.PENDING, "old_name")
    lead(world, row, mine)
    telling.tell(leaving.come_back(mine.place.public_id, by=OPERATOR, operation=uuid.uuid4()))
    checking.ask_due()
    serving.serve_side(sides.control_unit, seconds=60)
    assert routing.find_by_address(row.host).place.public_id == mine.place.public_id


def test_check_now_is_a_worker_s_work_and_the_page_shows_it(doors, world) -> None:
    row = wish(doors, fresh())
    prove(world, row)
    owner = doors.client()
    assert "asking the name servers" not in owner.get("/settings/address").content.decode()
    assert owner.post(f"/settings/address/own/{row.pk}/check").status_code == 303
    part = owner.get(f"/settings/address/own/{row.pk}").content.decode()
    assert "asking the name servers" in part
    assert 'hx-trigger="load delay:2s"' in part
    serving.serve_side(sides.control_unit, seconds=60)
    part = owner.get(f"/settings/address/own/{row.pk}").content.decode()
    assert "asking the name servers" not in part
    assert "leads elsewhere" in part
    assert row.token in part


def test_the_scheduler_asks_daily_and_oftener_while_one_waits(doors, world) -> None:
    row = wish(doors, fresh())
    with sides.control_unit():
        OwnHost.objects.exclude(pk=row.pk).update(next_check_at=None)
    assert checking.ask_due() == 0
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        assert checking.ask_due() == 1
        lead(world, row, doors)
        row = looked(row)
        assert row.next_check_at == clock.now() + timedelta(days=1)
    keeper.round_once()


def test_removing_asks_once_and_stops_at_once(doors, world) -> None:
    row = wish(doors, fresh())
    lead(world, row, doors)
    looked(row)
    owner = doors.client()
    page = owner.get(f"/settings/address/own/{row.pk}/remove")
    assert f"Remove {row.host}?" in page.content.decode()
    assert routing.find_by_address(row.host) is not None
    operation = str(uuid.uuid4())
    for _twice in range(2):
        assert owner.post(f"/settings/address/own/{row.pk}/remove", {"operation": operation}).status_code == 303
    assert routing.find_by_address(row.host) is None
    with doors.unit():
        assert Event.objects.filter(name="workspace.host_removed").count() == 1
    with sides.control_unit():
        assert not OwnHost.objects.filter(pk=row.pk).exists()


def test_who_may(doors, world) -> None:
    row = wish(doors, fresh())
    public_id = doors.place.public_id
    with doors.unit():
        actors = cast()
    for name in ("manager", "seller", "mate", "other", "viewer"):
        with pytest.raises(Forbidden):
            hosts.add_by(actors[name], public_id, typed=fresh(), operation=uuid.uuid4())
        with pytest.raises(Forbidden):
            hosts.remove_by(actors[name], public_id, row.pk, operation=uuid.uuid4())
        with pytest.raises(Forbidden):
            hosts.check_soon(actors[name], public_id, row.pk)
    assert doors.client(join(doors, "seller")).get("/settings/address").status_code == 403
    stranger = doors.client(email=None)
    for path in ("/settings/address", f"/settings/address/own/{row.pk}"):
        assert stranger.get(path).status_code == 302
    hosts.add_by(actors["administrator"], public_id, typed=fresh(), operation=uuid.uuid4())
    for _more in range(3):
        hosts.add_by(actors["owner"], public_id, typed=fresh(), operation=uuid.uuid4())
    with pytest.raises(hosts.TooManyHosts):
        hosts.add_by(actors["owner"], public_id, typed=fresh(), operation=uuid.uuid4())
    assert doors.client().post("/settings/address/own", {"host": row.host, "operation": str(uuid.uuid4())}).status_code == 422
    let_go(doors)
    page = doors.client().get("/settings/address")
    assert page.status_code == 200
    assert "Change the address" not in page.content.decode()
    with doors.unit():
        otto = actor_of(User.objects.select_related("role").get(name="Otto"))
    with pytest.raises(ReadOnly):
        hosts.remove_by(otto, public_id, row.pk, operation=uuid.uuid4())


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_with_one_host_and_with_three(doors, world, rows, count_statements) -> None:
    for _row in range(rows):
        wish(doors, fresh())
    owner = doors.client()
    owner.get("/settings/address")
    with count_statements() as count:
        owner.get("/settings/address")
    assert count() == 5


def test_the_real_resolver_speaks_with_a_name_server(world) -> None:
    """A name server of ours on this machine: records, a name that is not there, and one that never answers."""
    import socket
    import threading

    import dns.flags
    import dns.message
    import dns.rcode
    import dns.resolver
    import dns.rrset

    zone = {("_kartoteka.crm.firm.com.", "TXT"): '"tok" "en"', ("crm.firm.com.", "CNAME"): "Acme.Kartoteka.example.", ("crm.firm.com.", "A"): "203.0.113.7"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def serve() -> None:
            try:
                for _question in range(6):
                    packet, sender = server.recvfrom(4096)
                    query = dns.message.from_wire(packet)
                    asked = query.question[0]
                    answer = dns.message.make_response(query)
                    answer.flags |= dns.flags.RA
                    found = zone.get((asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype)))
                    if found:
                        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", asked.rdtype, found))
                    elif not asked.name.to_text().startswith("crm."):
                        answer.set_rcode(dns.rcode.NXDOMAIN)
                    server.sendto(answer.to_wire(), sender)
            except TimeoutError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        asking = lookup.NameServers(resolver)
        assert asking.texts("_kartoteka.crm.firm.com") == {"token"}
        assert asking.leads_to("crm.firm.com") == "acme.kartoteka.example"
        assert asking.numbers("crm.firm.com") == {"203.0.113.7"}
        assert asking.texts("nowhere.firm.com") == set()
        assert asking.leads_to("nowhere.firm.com") == ""
        thread.join()
        resolver.port = 9
        resolver.timeout = resolver.lifetime = 0.2
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lookup, "SECONDS", 0.3)
            with pytest.raises(lookup.NoAnswer):
                asking.texts("crm.firm.com")
