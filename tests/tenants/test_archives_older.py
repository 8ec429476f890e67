"""An archive of a release before comes up to date."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.kernel.workspace import Place
from tenants.archives import contents, restoring, services
from tenants.archives.models import ArchiveRun
from tenants.carrying import tables
from tenants.models import TemplateScript, Workspace
from tenants.provisioning import owner, pool, template

from . import archive_kit as kit

ADDED = ("archives.0001_initial", "inside.0010_preferences_weekly_archive", "inside.0011_billing")
_WORDS = ("archive_run", "weekly_archive", "'archives'", "0011_billing", 'ADD COLUMN "billing', 'ADD COLUMN "seats"')


def _older_script(current: TemplateScript) -> TemplateScript:
    """As it was before archives were: without their table and without the choice of a weekly one."""
    lines = [line for line in template.migrated() if not any(word in line for word in _WORDS)]
    names = [name for name in current.migrations if name not in ADDED]
    return TemplateScript(version="before archives", script=";\n".join(lines) + ";\n", migrations=names, tables=current.tables - 1, relations=current.relations)


@pytest.mark.parametrize("known", [True, False])
def test_an_older_archive_comes_up_to_date(furnished, tmp_path: Path, restored, known: bool) -> None:
    older = _older_script(template.current())
    with sides.control_unit():
        older.save(force_insert=True)
    name = pool.make(older)
    try:
        with sides.control_unit():
            old = Workspace.objects.get(schema_name=name)
        _old_rows(furnished.place, name)
        with mock.patch.object(contents, "DECIDED", {key: value for key, value in contents.DECIDED.items() if key != "archive_run"}):
            path = kit.make(old.place, tmp_path)
        assert "weekly_archive" not in kit.content_of(path)["tables"]["preferences"]["columns"]
        if not known:
            with sides.control_unit():
                TemplateScript.objects.filter(pk=older.pk).delete()
        done = restoring.restore(path, slug=kit.slug())
        restored.append(done.workspace)
        with sides.unit(done.workspace.place):
            assert Contact.objects.count() == 2
            assert not ArchiveRun.objects.exists()
            services.keep_fresh(kit.ROBOT, weekly=True)
        with sides.control_unit():
            assert Workspace.objects.get(pk=done.workspace.pk).template_version == template.fingerprint()
    finally:
        pool.discard(old)
        with sides.control_unit():
            TemplateScript.objects.filter(pk=older.pk).delete()


def _old_rows(here: Place, there: str) -> None:
    from tenants.carrying import loading

    with owner.direct() as connection:
        found = [table for table in tables.tables(connection, there) if table.name not in ("django_migrations", "attachment")]
        with owner.direct(here.alias) as source, connection.transaction(), loading.emptied(connection, there, found):
            for table in found:
                loading.copy_in(connection, there, table, loading.copy_out(source, here.schema, table, read=table.names()))
            tables.count_on(connection, there, found, tables.counters(source, here.schema, found))
