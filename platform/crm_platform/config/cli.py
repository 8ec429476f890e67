"""`bin/crm [--data DIR] COMMAND`: our commands, then Django's.

Without DATABASE_URL it finds the embedded servers of a running or stopped `bin/up` by the data folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import click

SETTINGS = "crm_platform.config.settings.production"
# Checks need no database and no secret.
CHECKS = frozenset({"ready", "makemigrations", "check", "makemessages", "compilemessages", "features", "lock", "translations", "cut-release"})


def main(argv: list[str] | None = None) -> None:
    """The entry point."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    data = _take_data(arguments)
    name = arguments[0] if arguments else "--help"
    if name in CHECKS:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.test")
        _run(name, arguments)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    with _servers(data):
        _run(name, arguments)


def _take_data(arguments: list[str]) -> str:
    if arguments and arguments[0].startswith("--data="):
        return arguments.pop(0).removeprefix("--data=")
    if len(arguments) > 1 and arguments[0] == "--data":
        del arguments[0]
        return arguments.pop(0)
    return os.environ.get("CRM_DATA", "")


@contextlib.contextmanager
def _servers(data: str) -> Iterator[None]:
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        yield
        return
    from crm_platform.config.embedded import attach  # inline: only where there is no server given

    with attach.environment(data) as variables:
        os.environ.update(variables)
        yield


def _run(name: str, arguments: list[str]) -> None:
    import django  # inline: settings are chosen above

    django.setup()
    from django.core.management import execute_from_command_line, get_commands  # inline: after setup
    from django.utils.module_loading import autodiscover_modules  # inline: after setup

    from crm_platform.config import house_commands  # noqa: F401  # inline: after setup
    from crm_platform.kernel import commands  # inline: after setup
    from crm_platform.kernel.errors import CrmError  # inline: after setup

    autodiscover_modules("commands")
    if name not in commands.group.commands and name in get_commands():
        execute_from_command_line(["crm", *arguments])
        return
    try:
        commands.group.main(arguments, prog_name="crm", standalone_mode=True)
    except CrmError as error:
        commands.refuse(error, as_json="--json" in arguments)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
