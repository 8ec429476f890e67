"""GET /account: who we are, as the clients insist on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse

from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import seconds
from crm_core.engagement.tasks.models import TaskType
from crm_platform.accounts import directory
from crm_platform.accounts.models import Group
from crm_platform.kernel import preferences, workspace

# The numbers of kinds of tasks: the API's first two are its own, ours follow.
TASK_TYPES = {TaskType.CALL.value: 1, TaskType.MEET.value: 2, TaskType.MAIL.value: 3, TaskType.TODO.value: 4}
_SYMBOLS = {"EUR": "€", "USD": "$", "RUB": "₽", "GBP": "£", "UZS": "soʻm", "KZT": "₸", "UAH": "₴"}


def account_id() -> int:
    """The workspace's number on the wire, where integers are demanded."""
    return workspace.here().number


def show(asked: Asked) -> HttpResponse:
    """The account: its name, currency, and beside it what `with` asks for."""
    firm, place = preferences.here(), workspace.here()
    began = seconds(min((person.created_at for person in directory.everyone().values()), default=None))
    told: dict[str, Any] = {
        "id": account_id(), "name": firm.firm, "subdomain": place.slug, "created_at": began, "created_by": 0, "updated_at": began, "updated_by": 0,
        "current_user_id": asked.actor.user_id, "country": firm.country, "currency": firm.currency, "currency_symbol": _SYMBOLS.get(firm.currency, firm.currency),
        "customers_mode": _customers_mode(), "is_unsorted_on": True, "mobile_feature_version": 0, "is_loss_reason_enabled": True, "is_helpbot_enabled": False,
        "is_technical_account": False, "contact_name_display_order": 1,
    }  # fmt: skip
    told |= {name: BESIDE[name]() for name in BESIDE if name in asked.wants}
    told |= {"drive_url": asked.base} if "drive_url" in asked.wants else {}
    told["_links"] = answers.href(asked, "account")
    embedded = {name: rows() for name, rows in EMBEDDED.items() if name in asked.wants}
    return answers.told(told | ({"_embedded": embedded} if embedded else {}))


def _customers_mode() -> str:
    row = Stored.objects.filter(kind="customers_mode", key="one", deleted_at=None).first()
    return "segments" if row is None else str(row.body["mode"]) if row.body["is_enabled"] else "disabled"


def _uuid() -> str:
    return str(workspace.here().uuid)


def _groups() -> list[dict[str, Any]]:
    return [{"id": group.pk, "name": group.name, "uuid": None} for group in Group.objects.all()]


def _task_types() -> list[dict[str, Any]]:
    codes = {1: "FOLLOW_UP", 2: "MEETING"}
    return [
        {"id": number, "name": str(TaskType(code).label), "color": None, "icon_id": None, "code": codes.get(number, code.upper())} for code, number in TASK_TYPES.items()
    ]


def _dates() -> dict[str, Any]:
    zone = preferences.here().time_zone
    offset = datetime.now(ZoneInfo(zone)).strftime("%z")
    return {
        "date_pattern": "d.m.Y H:i", "short_date_pattern": "d.m.Y", "short_time_pattern": "H:i", "date_format": "d.m.Y", "date_formant": "d.m.Y",
        "time_format": "H:i:s", "timezone": zone, "timezone_offset": f"{offset[:3]}:{offset[3:]}",
    }  # fmt: skip


BESIDE: dict[str, Callable[[], Any]] = {
    "amojo_id": _uuid, "uuid": _uuid, "version": lambda: 1, "is_api_filter_enabled": lambda: True,
    "entity_names": lambda: {"leads": {"ru": {}, "en": {}}}, "invoices_settings": lambda: {"lang": preferences.here().language, "currency": preferences.here().currency, "invoices_catalog_id": None},
}  # fmt: skip
EMBEDDED: dict[str, Callable[[], Any]] = {
    "amojo_rights": lambda: {"can_direct": True, "can_create_groups": True}, "users_groups": _groups, "task_types": _task_types, "datetime_settings": _dates,
}  # fmt: skip
