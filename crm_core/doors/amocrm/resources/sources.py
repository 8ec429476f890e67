"""Sources of leads, buttons on the firm's pages, widgets: what integrations declare of themselves, kept and told back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.resources import joined
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers, cursors
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, seconds, settle
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel.errors import NotFound

_CHOICE = "The value you selected is not a valid choice."


def _read(asked: Asked, item: Item, row: Stored | None) -> dict[str, Any]:
    """Into which pipeline its leads go: the first one, if nobody says."""
    given = item.whole("pipeline_id")
    if given is not None and not any(one.pk == given for one in pipelines.everything().pipelines):
        item.fault("pipeline_id", _CHOICE, code="NotSupportedChoice")
    return {"pipeline_id": pipelines.first().pk} if row is None and given is None else {}


SOURCES = Shelf(
    kind="source", plural="sources", path="sources", total=True, keyed="external_id", needed=("name", "external_id"), read=_read, follow=joined.follow,
    fields={
        "name": (reading.text(), ""), "pipeline_id": (reading.number(), None), "external_id": (reading.text(most=300), None), "default": (reading.flag, False),
        "origin_code": (reading.text(), None), "services": (reading.listed, []),
    },
)  # fmt: skip


def _buttons_beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    scripts = {"scripts": None} if "scripts" in asked.wants else {}
    return {
        row.pk: {"button_id": row.pk, "source_id": row.pk, "creation_status": "created", "is_duplication_control_enabled": False, **scripts}
        for row in rows
    }  # fmt: skip


BUTTONS = Shelf(
    kind="button", plural="website_buttons", path="website_buttons", needed=(), beside=_buttons_beside, read=_read,
    fields={
        "name": (reading.text(), ""), "pipeline_id": (reading.number(), None), "trusted_websites": (reading.any_of(list), []), "is_online_chat": (reading.flag, False),
    },
)  # fmt: skip


def make_button(asked: Asked) -> HttpResponse:
    """Make a button for the pages named."""
    item = Item(asked.item)
    (row,) = shelf.keep(asked, BUTTONS, [item])
    return answers.told({"source_id": row.pk, "trusted_websites": row.body.get("trusted_websites", []), "request_id": item.request_id}, status=202)


def change_button(asked: Asked, pk: int) -> HttpResponse:
    """Change a button; `trusted_websites.add` names more pages."""
    body, present = dict(asked.item), storing.get(asked.actor, BUTTONS.kind, pk)
    if isinstance(body.get("trusted_websites"), dict):
        added = body["trusted_websites"].get("add")
        known = present.body.get("trusted_websites", [])
        body["trusted_websites"] = list(dict.fromkeys([*known, *(str(one) for one in added)])) if isinstance(added, list) else known
    item = Item(body)
    row = shelf.lay(asked, BUTTONS, pk, item)
    settle([item])
    return answers.told(shelf.draw(asked, BUTTONS, [row])[0])


def online_chat(asked: Asked, pk: int) -> HttpResponse:
    """Have a chat in a button."""
    row = storing.get(asked.actor, BUTTONS.kind, pk, lock=True)
    storing.change(asked.actor, row, body={"is_online_chat": True})
    return answers.nothing(status=202)


def widgets(asked: Asked) -> HttpResponse:
    """The widgets that are installed."""
    page, more, cursor = cursors.page_of(asked, storing.rows(asked.actor, "widget"), "id", down=False)
    return answers.page(asked, "widgets", [_widget(asked, row) for row in page], more=more, cursor=cursor)


def _widget(asked: Asked, row: Stored) -> dict[str, Any]:
    return {
        "id": row.pk, "code": row.key, "version": "1.0.0", "rating": None, "settings_template": [], "is_lead_source": False, "is_work_with_dp": False, "is_crm_template": False,
        "client_uuid": None, "is_active_in_account": True, "pipeline_id": None, "settings": row.body.get("settings", {}), "account_id": account_id(),
        "updated_at": seconds(row.updated_at), "_links": answers.href(asked, f"widgets/{row.key}"),
    }  # fmt: skip


def _installed(asked: Asked, code: str) -> Stored:
    row = storing.by_key(asked.actor, "widget", code)
    if row is None:
        raise NotFound
    return row


def widget(asked: Asked, code: str) -> HttpResponse:
    """One widget."""
    return answers.told(_widget(asked, _installed(asked, code)))


def install(asked: Asked, code: str) -> HttpResponse:
    """Install a widget with its settings, or give it other ones."""
    item = Item({"settings": asked.item})
    said = reading.any_of(dict)(item, "settings") or {}
    settle([item])
    row = storing.by_key(asked.actor, "widget", code)
    if row is None:
        (row,) = storing.add(asked.actor, "widget", [{"key": code, "body": {"settings": said}}])
    else:
        storing.change(asked.actor, row, body={"settings": {**row.body.get("settings", {}), **said}})
    return answers.told(_widget(asked, row))


def uninstall(asked: Asked, code: str) -> HttpResponse:
    """Take a widget away with its settings."""
    storing.remove(asked.actor, "widget", [_installed(asked, code).pk])
    return answers.nothing()
