"""`bin/bench --tenancy[=claim,rollout,overhead,sizes,burst,carry]`: workspaces by the thousand, beside stock django-tenants in the same run."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import figures, load, processes, run
from .browser import Browser
from .run import PASSWORD, Line, Product, say

# A run of this kind makes its workspaces itself: the keeper shall not make more beside it.
ALONE = {"CRM_POOL_SIZE": "0"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the bench takes for this."""
    parser.add_argument("--tenancy", nargs="?", const=",".join(PARTS), default="", metavar="PARTS", help=f"workspaces by the thousand: all parts, or some of {','.join(PARTS)}")
    parser.add_argument("--workspaces", type=int, default=500, help="to how many a migration is rolled out (500)")
    parser.add_argument("--sample", type=int, default=20, help="over how many of them stock django-tenants migrates; the rest is derived (20)")
    parser.add_argument("--whole", action="store_true", help="stock django-tenants migrates them all: hours, not minutes")
    parser.add_argument("--sizes", default="100,1000,2000", help="numbers of workspaces on one server (100,1000,2000)")
    parser.add_argument("--visits", type=int, default=600, help="visits at each size (600)")
    parser.add_argument("--signups", type=int, default=200, help="sign-ups of the burst (200)")


def lines(wished: argparse.Namespace) -> list[Line]:
    """The parts that were asked for, in their order, each on a run of its own. Raises ValueError for a part there is not."""
    asked = [name.strip() for name in wished.tenancy.split(",")]
    unknown = set(asked) - set(PARTS)
    if unknown:
        raise ValueError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: list[Line] = []
    for name, part in PARTS.items():
        if name in asked:
            say(f"tenancy, {name}")
            found += part(wished)
    return found


@contextmanager
def product(variables: dict[str, str] | None = None, *more: str) -> Iterator[Product]:
    """A run of its own on a throw-away folder."""
    with run.folder() as data:
        started = run.start(data, variables, more)
        try:
            yield started
        finally:
            run.stop(started)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all at the same time; gives their answers, raises the first error."""
    answers: list[Any] = [None] * len(works)
    errors: list[Exception] = []

    def one(at: int) -> None:
        try:
            answers[at] = works[at]()
        except Exception as error:  # broad: raised again in the thread that waits
            errors.append(error)

    crew = [threading.Thread(target=one, args=(at,)) for at in range(len(works))]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    if errors:
        raise errors[0]
    return answers


def firm(started: Product, slug: str) -> Browser:
    """A workspace of its own with somebody logged in."""
    started.crm("create-workspace", "--name", slug, "--slug", slug, "--email", f"{slug}@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
    browser = Browser(started.port, f"{slug}.localhost")
    browser.log_in(f"{slug}@bench.example", PASSWORD)
    return browser


def claim(wished: argparse.Namespace) -> list[Line]:
    """A claim and the making of a ready schema, beside creating by migrations."""
    with product() as started:
        processes.quiet(started.process.pid)
        found = started.crm("measure-provisioning")
    beside = f"tenant.save() of django-tenants, {found['migrate_ms']} ms"
    claiming, making = (figures.times(found["migrate_ms"], found[name]) for name in ("claim_ms", "make_ms"))
    return [
        Line("claim of a ready workspace", found["claim_ms"], "ms", beside, claiming, "at least 1000 times", claiming >= 1000),
        Line("making one for the pool", found["make_ms"], "ms", beside, making, "at least 20 times", making >= 20),
        Line("  each of ten, by two hands", found["each_of_ten_ms"], "ms", beside, figures.times(found["migrate_ms"], found["each_of_ten_ms"])),
        Line("relations of a workspace", found["relations"], "relations"),
        Line("tables of a workspace", found["tables"], "tables"),
    ]


def rollout(wished: argparse.Namespace) -> list[Line]:
    """A column with an index for all workspaces, under a running load, beside `migrate_schemas` over a sample of them."""
    with product(ALONE) as started:
        browsers = [firm(started, f"visited-{at}") for at in range(2)]
        half = (wished.workspaces - len(browsers)) // 2
        shares = (half, wished.workspaces - len(browsers) - half)
        made = at_once(*(lambda at=at, number=number: started.crm("measure-making", "--count", str(number), "--prefix", f"rolled{at}") for at, number in enumerate(shares)))
        say(f"{wished.workspaces} workspaces made in {max(one['seconds'] for one in made):.0f} s by two at once")
        processes.quiet(started.process.pid)
        with load.running(browsers):
            sample = wished.workspaces if wished.whole else wished.sample
            stock = started.crm("measure-rollout", "--stock", str(sample))
        say(f"migrate_schemas: {stock['sample']} workspaces in {stock['migrate_s']} s")
        with load.running(browsers) as answers:
            time.sleep(1)
            began = time.perf_counter()
            ours = started.crm("measure-rollout")
            wall = time.perf_counter() - began
            time.sleep(1)
    return _rollout_lines(ours, stock, wall=wall, answers=answers)


def _rollout_lines(ours: dict[str, Any], stock: dict[str, Any], *, wall: float, answers: load.Answers) -> list[Line]:
    number = ours["workspaces"]
    if ours["failed"] or ours["done"] != number:
        raise RuntimeError(f"{ours['failed']} of {number} failed: {ours['errors']}")
    theirs = figures.derived(stock["migrate_s"], sample=stock["sample"], total=number)
    asked = figures.derived(stock["check_s"], sample=stock["sample"], total=number)
    how = "" if stock["sample"] == number else f", derived from {stock['sample']}"
    # The command's wall less what a release costs once and less the bench's own questions.
    spent = wall - ours["release_s"] - 22 * ours["behind_ms"] / 1000
    ratio, whole = figures.times(theirs, spent), figures.times(theirs, spent + ours["release_s"])
    start = spent - ours["render_s"] - ours["replay_s"]
    return [
        Line(f"a column with an index to {number} workspaces", round(spent, 1), "s", f"migrate_schemas, multiprocessing, {theirs:.0f} s{how}", ratio, "at least 50 times", ratio >= 50),
        Line("  of it: starting the program", round(start, 1), "s"),
        Line("  of it: rendering the change", ours["render_s"], "s"),
        Line("  with the release's template, once for all", round(spent + ours["release_s"], 1), "s", f"migrate_schemas, {theirs:.0f} s{how}", whole),
        Line("  slowest workspace", ours["slowest_ms"], "ms"),
        Line("  requests failed meanwhile", answers.failed, "requests", f"of {answers.asked} asked", goal="0", met=not answers.failed),
        Line(f"is anything to migrate? of {number}", ours["behind_ms"], "ms", f"migrate_schemas --check, {asked:.0f} s{how}", figures.times(asked * 1000, ours["behind_ms"]), "one query", ours["behind_queries"] == 1),
    ]


def overhead(wished: argparse.Namespace) -> list[Line]:
    """What entering a workspace adds to a request: round trips, and processor time as a share of an empty page's."""
    with product() as started:
        browser = firm(started, "entered")
        processes.quiet(started.process.pid)
        path = "/settings/tokens"
        with run.reference(started) as one:
            wall, page, beside = run.cost(run.Page(lambda: browser.get(path), started.groups()), one)
        found = started.crm("measure-entering", "--workspace", "entered", "--path", path, given=f"{browser.cookies['session']}\n")
    trips, spent = found["trips"], found["microseconds"]
    extra = trips["ours"] - trips["plain"]
    more, theirs = spent["ours"] - spent["plain"], spent["stock"] - spent["plain"]
    share = round(more / 10 / page, 1)
    return [
        Line("round trips added by tenancy", extra, "trips", f"stock adds {trips['stock'] - trips['plain']}", goal="0", met=extra <= 0),
        Line("round trips of an empty page, in all", found["page_trips"], "trips", f"{found['page_control_trips']} of them to find the workspace"),
        Line("processor time of an empty page", round(page, 2), "ms", f"reference page, {beside:.1f} ms; wall {wall:.1f} ms", figures.times(page, beside)),
        Line("processor time added by tenancy", round(more), "µs", f"stock adds {theirs:.0f} µs", goal="", met=None),
        Line("  as a share of an empty page's", share, "%", f"stock {theirs / 10 / page:.0f} %", goal="at most 10 %", met=share <= 10),
    ]


def sizes(wished: argparse.Namespace) -> list[Line]:
    """Board and card at several numbers of workspaces on one server."""
    from . import crowding  # noqa: PLC0415 (it uses this module)

    return crowding.sizes([int(number) for number in wished.sizes.split(",")], visits=wished.visits)


def burst(wished: argparse.Namespace) -> list[Line]:
    """Many sign-ups at once."""
    from . import crowding  # noqa: PLC0415 (it uses this module)

    return crowding.burst(wished.signups)


def carry(wished: argparse.Namespace) -> list[Line]:
    """Archive, restore, move, sleep and wake: what of them there is."""
    from . import carried  # noqa: PLC0415 (it uses this module)

    return carried.lines(wished.contacts, wished.deals)


PARTS: dict[str, Callable[[argparse.Namespace], Sequence[Line]]] = {"claim": claim, "rollout": rollout, "overhead": overhead, "sizes": sizes, "burst": burst, "carry": carry}
