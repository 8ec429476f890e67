"""Ready workspaces: made, and taken away again where nobody came to stay. The keeper dies, the next keeper does it."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings

from crm_platform.db import sides
from tenants import creating, keeper
from tenants.models import TemplateScript, Workspace
from tenants.provisioning import owner, pool, template

from . import firms, whole
from .firms import Facts

MAKES = {"pool.made": owner.FIRST, "pool.noted": "cell2", "pool.filled": "cell2"}
DROPS = ("pool.dropped", "pool.emptied")
RENDERS = ("template.migrated", "template.cast", "template.proved")
POINTS = (*MAKES, *DROPS, *RENDERS)


def _ready(cell: str) -> int:
    return pool.ready(version=template.fingerprint(), cell=cell)


def _of(script: TemplateScript) -> list[object]:
    return [script.tables, script.relations, script.migrations]


def prepare(point: str) -> Facts:
    """What is to be made, dropped or rendered."""
    given: Facts = {"point": point, "ready": {cell: _ready(cell) for cell in settings.CELLS}}
    if point in DROPS:  # claimed, with a first file, and never opened
        workspace, _fresh = creating.claim(firms.wish(), operation=uuid.uuid4())
        folder = Path(settings.MEDIA_ROOT) / workspace.public_id / "1"
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"x")
        given |= {"pk": workspace.pk, "slug": workspace.slug, "schema": workspace.schema_name}
    if point in RENDERS:
        with sides.control_unit():
            given["script"] = _of(TemplateScript.objects.get(pk=template.fingerprint()))
            TemplateScript.objects.filter(pk=template.fingerprint()).delete()
    return given


def work(given: Facts) -> None:
    """The keeper makes one ready, tidies, or renders the script."""
    if given["point"] in MAKES:
        cell = MAKES[given["point"]]
        pool.fill(to=given["ready"][cell] + 1, cell=cell)
    elif given["point"] in DROPS:
        with whole.later():
            keeper.tidy()
    else:
        template.current()


def after(given: Facts) -> None:
    """Nothing is left but what may be claimed; the address is free; the script is the same."""
    whole.keep()
    if given["point"] in MAKES:
        cell = MAKES[given["point"]]
        made = _ready(cell) - given["ready"][cell]
        # Of a server that dies the last statement may have come through or not.
        assert made in ((0, 1) if "by_server" in given else (1,) if given["point"] == "pool.made" else (0,)), made
    elif given["point"] in DROPS:
        with sides.control_unit():
            assert not Workspace.objects.filter(pk=given["pk"]).exists()
        made = creating.create_workspace(firms.wish(given["slug"]))
        assert (made.slug, made.pk != given["pk"]) == (given["slug"], True)
        firms.opens(made)
    else:
        assert _of(template.current()) == given["script"]
