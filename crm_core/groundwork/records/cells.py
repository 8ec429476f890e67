"""Cells that most lists have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.ui.markup import esc, fill
from crm_platform.ui.templatetags.ui import avatar

from .desk import Column

_NO_TAGS = SafeString('<span class="table__none">–</span>')


def name_cell(*, second: Callable[[Any], str] = lambda record: "") -> Callable[[Any, dict[str, Any]], SafeString]:
    """The name, a link to the card, with a second quiet line."""

    def cell(record: Any, given: dict[str, Any]) -> SafeString:
        return SafeString(f'<a class="grow" href="{given["url"](record.pk)}"><span class="cut block">{esc(str(record))}</span><span class="cut block tiny quiet">{esc(second(record))}</span></a>')

    return cell


def responsible_cell(record: Any, given: dict[str, Any]) -> SafeString:
    """The round sign of who is responsible."""
    return avatar(given["people"].get(record.responsible_id))


def responsible_text(record: Any, given: dict[str, Any]) -> str:
    """The name of who is responsible."""
    return directory.name_of(record.responsible_id)


def tags_cell(record: Any, given: dict[str, Any]) -> SafeString:
    """Up to three tags."""
    known = given["tags"]
    drawn = [fill('<span class="tag" data-hue="{}">{}</span>', known[pk].hue, known[pk].name) for pk in record.tag_ids[:3] if pk in known]
    return SafeString(f'<span class="row">{"".join(drawn)}</span>') if drawn else _NO_TAGS


def tags_text(entity: str) -> Callable[[Any, dict[str, Any]], str]:
    """Tags parted by commas."""
    return lambda record, given: ", ".join(tags.names_of(entity, record.tag_ids))


RESPONSIBLE = Column("responsible", gettext_lazy("Responsible"), responsible_cell, responsible_text)
