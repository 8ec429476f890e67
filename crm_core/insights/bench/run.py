"""`bin/bench [--pages] [--import] [--start] [--billing] [--hooks] [--api] [--tenancy[=PARTS]] [--json] [--contacts N ...]`: medians on this machine, in one run."""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import processes
from .browser import Browser

ROOT = Path(__file__).resolve().parents[3]
CRM = [sys.executable, "-m", "crm_platform.config.cli"]
PASSWORD = "bench-sentence-of-length-7"  # noqa: S105 (of a throw-away run)
# Processor time is told in hundredths of a second: 300 askings tell a reference page to a half of one in a hundred.
ROUNDS, TRIES, WARM = 10, 30, 12
# One firm has the whole server: eight clients of it at once are not refused for the sake of others.
NO_NEIGHBOURS = {"CRM_REQUESTS_AT_ONCE": "8", "CRM_REQUESTS_A_MINUTE": "100000"}


@dataclass(slots=True)
class Line:
    """One figure beside what it is compared with."""

    name: str
    value: float
    unit: str
    compared_with: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Product:
    """A running `bin/up` of the bench's own."""

    process: subprocess.Popen[str]
    data: Path
    port: int
    took: float

    def crm(self, *arguments: str, given: str = "", variables: dict[str, str] | None = None) -> Any:
        done = subprocess.run([*CRM, "--data", str(self.data), *arguments, "--json"], capture_output=True, text=True, input=given, env=environment() | (variables or {}), check=False)  # noqa: S603 (our own program)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:] + done.stdout[-500:])
        return json.loads(done.stdout.strip().splitlines()[-1])

    def row(self, statement: str) -> Any:
        """The first row of an answer by the database, as its owner sees it."""
        import psycopg  # noqa: PLC0415 (only where the bench runs)

        with psycopg.connect(json.loads((self.data / "running.json").read_text())["DATABASE_OWNER_URL"], autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchone()

    def groups(self) -> set[int]:
        """Web server and database processes of this run."""
        everyone = processes.family(self.process.pid)
        return {pid for pid in everyone if "crm_platform.config.wsgi" in processes.command_of(pid) or "postgres" in processes.command_of(pid)[:60]}


def environment() -> dict[str, str]:
    """Only what a fresh shell has."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}


def say(sentence: str) -> None:
    """Progress goes to standard error: standard output is the answer's."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, variables: dict[str, str] | None = None, more: Sequence[str] = ()) -> Product:
    """Start the product on a folder, with further variables and arguments; `took` is the time to its printed addresses."""
    port, began = free_port(), time.perf_counter()
    command = [sys.executable, "-m", "crm_platform.config.embedded.up", "--port", str(port), "--data", str(data), "--no-demo", "--workers", "2", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment() | (variables or {}))  # noqa: S603 (our own program)
    for line in process.stdout or ():
        if "Ctrl-C" in line:
            return Product(process, data, port, time.perf_counter() - began)
    raise RuntimeError("the product did not start")


def stop(product: Product) -> None:
    """As Ctrl-C does."""
    product.process.send_signal(signal.SIGINT)
    product.process.wait(timeout=60)


@contextmanager
def folder() -> Iterator[Path]:
    """A throw-away data folder that the database's user can reach."""
    path = Path(tempfile.mkdtemp(prefix="kartoteka-bench-"))
    path.chmod(0o755)
    try:
        yield path / "data"
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(slots=True)
class Page:
    """A page to ask for, and the processes that work for it."""

    ask: Callable[[], Any]
    group: set[int]


def cost(page: Page, beside: Page) -> tuple[float, float, float]:
    """Median wall time and mean processor time of one asking, and mean processor time of the page beside it, in milliseconds.

    The two take turns in short rounds: a machine whose speed changes changes both alike.
    """
    for _ in range(WARM):
        page.ask()
        beside.ask()
    walls: list[float] = []
    spent = other = 0.0
    for _ in range(ROUNDS):
        other += _spent(beside, [])
        spent += _spent(page, walls)
    return statistics.median(walls) * 1000, spent / len(walls) * 1000, other / len(walls) * 1000


def _spent(page: Page, walls: list[float]) -> float:
    before = processes.seconds(page.group)
    for _ in range(TRIES):
        began = time.perf_counter()
        page.ask()
        walls.append(time.perf_counter() - began)
    return processes.seconds(page.group) - before


def crowd(product: Product, browser: Browser, path: str, *, clients: int = 8, each: int = 12) -> float:
    """Median wall time of a page with several clients at once, in milliseconds."""
    walls: list[float] = []

    def one() -> None:
        mine = Browser(product.port, browser.host)
        mine.cookies = dict(browser.cookies)
        for _ in range(each):
            began = time.perf_counter()
            mine.get(path)
            walls.append(time.perf_counter() - began)

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.median(walls) * 1000


@contextmanager
def reference(product: Product) -> Iterator[Page]:
    """The reference page under the same server, by the same database."""
    running = json.loads((product.data / "running.json").read_text())
    given = environment() | {"REFERENCE_DATABASE_URL": running["DATABASE_OWNER_URL"]}
    subprocess.run([sys.executable, "-m", "crm_core.insights.bench.reference"], env=given, check=True)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "crm_core.insights.bench.reference:application", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--worker-class", "gthread", "--threads", "8", "--no-control-socket", "--log-level", "warning"]
    server = subprocess.Popen(command, env=given)  # noqa: S603 (our own program)
    try:
        time.sleep(3)
        browser = Browser(port, "localhost")
        browser.get("/enter")
        for _ in range(40):
            browser.get("/")
        yield Page(lambda: browser.get("/"), processes.family(server.pid) | _databases(product))
    finally:
        server.terminate()
        server.wait(timeout=20)


def _databases(product: Product) -> set[int]:
    return {pid for pid in product.groups() if "postgres" in processes.command_of(pid)[:60]}


def pages(product: Product, wished: argparse.Namespace) -> list[Line]:
    """Every page with many rows, in reference pages; one client and eight."""
    product.crm("create-workspace", "--name", "Bench", "--slug", "bench-firm", "--email", "bench@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
    say(f"making {wished.contacts} contacts, {wished.companies} companies, {wished.deals} deals, {wished.activities} activities")
    began = time.perf_counter()
    product.crm("seed-workspace", "--workspace", "bench-firm", "--contacts", str(wished.contacts), "--companies", str(wished.companies), "--deals", str(wished.deals), "--activities", str(wished.activities))
    say(f"made in {time.perf_counter() - began:.0f} s")
    running = json.loads((product.data / "running.json").read_text())
    analyse(running["DATABASE_OWNER_URL"])
    browser = Browser(product.port, "bench-firm.localhost")
    browser.log_in("bench@bench.example", PASSWORD)
    _buy(product, browser)
    hundredth = min(100, max(1, wished.contacts // 50))
    asked = [
        ("empty signed-in page", "/settings/tokens", 2.0), ("board", "/board", 8.0), ("contact list, page 1", "/contacts", 5.0),
        (f"contact list, page {hundredth}", f"/contacts?page={hundredth}", 5.0), ("card of a contact", "/contacts/77", 5.0), ("card of a deal", "/deals/77", 5.0),
        ("deal list", "/deals", 5.0), ("search by name, as one types", "/search/as-one-types?q=visser", 2.5),
        ("search by two words", "/search/as-one-types?q=anna+bak", 2.5), ("search by phone digits", "/search/as-one-types?q=600000777", 2.5), ("funnel", "/funnel", 5.0), ("my day", "/day", 5.0),
        ("plan and payment", "/settings/plan", 5.0), ("plans compared", "/settings/plan/compare", 5.0), ("seats", "/settings/plan/seats", 5.0), ("invoices", "/settings/plan/invoices", 5.0), ("a choice of plan, with a question to the payment service", "/settings/plan/choose?plan=business&seats=5", 20.0),
    ]  # fmt: skip
    with reference(product) as one:
        return [line for name, path, goal in asked for line in _measure(product, browser, one, name, path, goal)]


def _buy(product: Product, browser: Browser) -> None:
    """A plan by the sandbox's card, so that the pages of money have something to tell."""
    page = browser.get("/settings/plan/choose?plan=business&seats=5&begin=now&currency=EUR")
    form = {"csrfmiddlewaretoken": browser.token(page), "plan": "business", "seats": "5", "begin": "now", "currency": "EUR", "provider": "stripe"}
    status, _text, headers = browser.ask("POST", "/settings/plan/checkout", form)
    if status != 303:
        raise RuntimeError(f"the checkout answered {status}")
    sandbox = Browser(product.port, "payments.localhost")
    _status, _text, paid = sandbox.ask("POST", "/" + headers["Location"].split("/", 3)[3], {"do": "pay", "card": "pm_card_visa"})
    browser.ask("GET", "/" + paid["Location"].split("/", 3)[3])


def _measure(product: Product, browser: Browser, one: Page, name: str, path: str, goal: float) -> list[Line]:
    browser.get(path)
    wall, spent, beside = cost(Page(lambda: browser.get(path), product.groups()), one)
    ratio = round(spent / beside, 1)
    say(f"{name}: {spent:.1f} ms processor, {ratio} reference pages of {beside:.1f} ms")
    return [
        Line(f"{name}, processor", round(spent, 1), "ms", f"reference page, {beside:.1f} ms", ratio, f"at most {goal:g}", ratio <= goal),
        Line(f"{name}, one client", round(wall, 1), "ms"),
        Line(f"{name}, eight clients", round(crowd(product, browser, path), 1), "ms"),
    ]


def analyse(url: str) -> None:
    """What the database knows of its tables is up to date."""
    import psycopg  # noqa: PLC0415 (only where the bench runs)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def provisioning(product: Product) -> list[Line]:
    """From the sign-up's POST to the first page; a claim beside django-tenants' own migrations."""
    walls = []
    for _ in range(5):
        browser = Browser(product.port, "localhost")
        token = browser.token(browser.get("/start"))
        slug = f"bench-{uuid.uuid4().hex[:8]}"
        form = {"csrfmiddlewaretoken": token, "email": f"{slug}@bench.example", "firm": slug, "slug": slug, "password": PASSWORD, "operation": str(uuid.uuid4())}
        began = time.perf_counter()
        status, _text, headers = browser.ask("POST", "/start", form)
        if status != 303:
            raise RuntimeError(f"sign-up answered {status}")
        inside = Browser(product.port, f"{slug}.localhost")
        inside.ask("GET", "/" + headers["Location"].split("/", 3)[3])
        inside.get("/board/1")
        walls.append(time.perf_counter() - began)
    found = product.crm("measure-provisioning")
    ratio = round(found["migrate_ms"] / found["claim_ms"])
    median = statistics.median(walls) * 1000
    return [
        Line("sign-up to first page", round(median), "ms", goal="under 1000", met=median < 1000),
        Line("claim of a ready schema", found["claim_ms"], "ms", f"django-tenants' tenant.save(), {found['migrate_ms']} ms", ratio, "at least 500 times", ratio >= 500),
        Line("making a ready schema by script", found["make_ms"], "ms", "django-tenants' tenant.save()", round(found["migrate_ms"] / found["make_ms"])),
        Line("relations per workspace", found["relations"], "relations"),
    ]


def imports(product: Product) -> list[Line]:
    """Contacts by the command: rows a second, and the memory of the importing process at two sizes."""
    lines, peaks = [], {}
    for rows in (10_000, 200_000):
        slug = f"import-{rows}"
        product.crm("create-workspace", "--name", slug, "--slug", slug, "--email", "i@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
        path = product.data.parent / f"{rows}.csv"
        _write_contacts(path, rows)
        began = time.perf_counter()
        process = subprocess.Popen([*CRM, "--data", str(product.data), "import", "--workspace", slug, "--file", str(path), "--json"], stdout=subprocess.PIPE, text=True, env=environment())  # noqa: S603
        answer = json.loads((process.stdout.read() if process.stdout else "").strip().splitlines()[-1])
        _pid, _status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        peaks[rows] = usage.ru_maxrss / 1024
        say(f"{rows} contacts in {took:.1f} s, {peaks[rows]:.0f} MB")
        lines.append(Line(f"import of {rows} contacts", round(answer["created"] / took), "rows/s", goal="at least 2000", met=answer["created"] / took >= 2000))
        lines.append(Line(f"import of {rows} contacts, peak memory", round(peaks[rows]), "MB"))
    growth = round(peaks[200_000] / peaks[10_000], 2)
    lines.append(Line("memory, 200,000 rows to 10,000", growth, "times", "10,000 rows", growth, "flat: at most 1.2", growth <= 1.2))
    return lines


def _write_contacts(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First name", "Last name", "Phone", "Email", "City"])
        for at in range(rows):
            writer.writerow([f"Person{at}", f"Visser{at % 977}", f"+316{10_000_000 + at}", f"person{at}@import.example", "Zwolle"])


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    from . import calling, hooking, paying, tenancy  # noqa: PLC0415 (they use this module)

    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    for name in ("pages", "import", "start"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--billing", action="store_true", help="the payment service's events, and a limit under load")
    parser.add_argument("--hooks", action="store_true", help="how long after an event its webhook arrives")
    parser.add_argument("--api", action="store_true", help="the open API beside what it needs, and the door of leads under load")
    parser.add_argument("--json", action="store_true")
    tenancy.add_arguments(parser)
    for name, number in (("contacts", 100_000), ("companies", 20_000), ("deals", 50_000), ("activities", 200_000)):
        parser.add_argument(f"--{name}", type=int, default=number)
    wished = parser.parse_args(arguments)
    lines: list[Line] = tenancy.lines(wished) if wished.tenancy else []
    lines += paying.lines() if wished.billing else []
    lines += hooking.lines() if wished.hooks else []
    lines += calling.lines() if wished.api else []
    if wished.pages or getattr(wished, "import") or wished.start or not (wished.tenancy or wished.billing or wished.hooks or wished.api):
        lines += _of_one(wished)
    show(lines, as_json=wished.json)
    return 0


def _of_one(wished: argparse.Namespace) -> list[Line]:
    """What is measured on one run of the product."""
    everything = not (wished.pages or getattr(wished, "import") or wished.start)
    lines: list[Line] = []
    with folder() as data:
        product = start(data, NO_NEIGHBOURS)
        first = product.took
        try:
            if wished.start or everything:
                stop(product)
                product = start(data, NO_NEIGHBOURS)
                lines += [Line("bin/up, first start", round(first, 1), "s", goal="under 60", met=first < 60), Line("bin/up, second start", round(product.took, 1), "s", goal="under 10", met=product.took < 10)]
                time.sleep(5)
                lines.append(Line("memory of the idle whole", round(processes.resident(processes.family(product.process.pid)) / 2**20), "MB"))
                lines += provisioning(product)
            if wished.pages or everything:
                lines += pages(product, wished)
            if getattr(wished, "import") or everything:
                lines += imports(product)
        finally:
            stop(product)
    return lines


def show(lines: list[Line], *, as_json: bool) -> None:
    """A table for people, a list for programs."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(line) for line in lines], ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}\n")
    for line in lines:
        beside = f"{line.ratio:g} × {line.compared_with}" if line.ratio is not None and line.compared_with else line.compared_with
        verdict = "" if line.met is None else "met" if line.met else "NOT MET"
        sys.stdout.write(f"{line.name:<46}{line.value:>12,} {line.unit:<10}{beside:<62}{line.goal:<20}{verdict}\n")


if __name__ == "__main__":
    sys.exit(main())
