"""A rollout to the release of tomorrow: a column with an index, a step in Python, an index on a table that is called large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.models import Rollout, RolloutStep
from tenants.provisioning import owner, template
from tenants.rollout import rehearsal, replay, run, steps
from tenants.rollout.models import RolloutState

from . import firms, whole
from .firms import Facts

POINTS = (
    "rollout.begun", "rollout.opened", "rollout.claimed", "rollout.postponed", "rollout.piece", "rollout.python", "rollout.index", "rollout.brought", "rollout.noting",
    "rollout.noted",
)  # fmt: skip
COLUMN = """
    migrations.AddField("contact", "shoe_size", models.IntegerField(null=True)),
    migrations.AddIndex("contact", models.Index(fields=["shoe_size"], name="contact_shoe_size")),
"""
PYTHON = """
    migrations.RunPython(lambda apps, editor: apps.get_model("companies", "Company").objects.update(name="Backfilled"), migrations.RunPython.noop),
"""


@contextmanager
def tomorrow() -> Iterator[None]:
    """The release of tomorrow, in this process; whatever has been counted is a large table to it."""
    large = {**replay.bring.__kwdefaults__, "large": 0}
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN), rehearsal.release("companies", "0098_backfill", PYTHON), mock.patch.object(replay.bring, "__kwdefaults__", large):
        yield


def prepare(point: str) -> Facts:
    """Two firms of this release, one in each database."""
    rows = [firms.made(), firms.made(cell="cell2")]
    for row in rows:
        with owner.direct(row.alias) as one:
            one.execute(f'ANALYZE "{row.schema_name}".contact')
    return {"point": point, "firms": [firms.facts(row) for row in rows]}


def work(given: Facts) -> None:
    """The command opens the rollout, the keeper works through it."""
    with tomorrow():
        run.work(steps.start(by="Ann"))


def after(given: Facts) -> None:
    """The next keeper finishes what is open; where nothing is, an operator begins anew. Each firm is brought once, and all is there."""
    with tomorrow():
        with sides.control_unit():
            RolloutStep.objects.filter(leased_until__isnull=False).update(leased_until=clock.real_now() - timedelta(seconds=1))
            found = steps.open_rollout()
        try:
            twice = steps.start(by="Ben")
            assert found is None, "two rollouts at once"
        except steps.AlreadyRunning:
            twice = found
        if twice is not None:
            assert run.work(twice).state == RolloutState.DONE
        with sides.control_unit():
            assert not steps.behind().exists()
            assert Rollout.objects.filter(version=template.fingerprint()).exists()
            wanted = template.fingerprint()
        for firm in given["firms"]:
            _brought(firm, wanted)
    whole.keep()


def _brought(firm: Facts, version: str) -> None:
    row = firms.now(firm)
    assert row.template_version == version
    with owner.direct(row.alias) as one:
        found = dict(one.execute(f"SELECT app || '.' || name, count(*) FROM \"{row.schema_name}\".django_migrations GROUP BY 1").fetchall())
        assert (found["contacts.0098_shoe_size"], found["companies.0098_backfill"]) == (1, 1), found
        index = f'"{row.schema_name}".contact_shoe_size'
        assert one.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index]).fetchone() == (True,)
        assert set(one.execute(f'SELECT name FROM "{row.schema_name}".company').fetchall()) == {("Backfilled",)}
    held = {name: amount[0] for name, amount in firms.held(row).items()}
    held["django_migrations"] -= 2
    assert held == {name: amount[0] for name, amount in firm["held"].items()}
    with sides.unit(row.place):
        assert Contact.objects.count() == 2
