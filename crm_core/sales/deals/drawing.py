"""The cards of a board as markup, made in Python: seventy-five cards cost a tenth of what a template's loop would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_core.groundwork.records import writing
from crm_core.sales.pipelines.models import Stage
from crm_platform.accounts import directory
from crm_platform.kernel import clock, money
from crm_platform.kernel.permissions import Actor
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc
from crm_platform.ui.telling import when
from crm_platform.ui.templatetags.ui import avatar, days_ago

from .permissions import DEALS


@dataclass(frozen=True, slots=True)
class _Of:
    """Whose a card is, as `writing.may` asks."""

    responsible_id: int | None


def cards(actor: Actor, rows: Sequence[dict[str, Any]], stage: Stage) -> SafeString:
    """The cards of a column, in order; those that the actor may edit can be moved."""
    now = clock.now()
    today = timezone.localdate(now)
    people = directory.everyone()
    words = {"here": esc(_("In this stage:")), "none": esc(_("No sum yet")), "move": _("Move %(name)s"), "no step": esc(_("No next step"))}
    return mark_safe("".join(_card(row, stage, now=now, today=today, people=people, words=words, may_edit=writing.may(actor, DEALS.EDIT, _Of(row["responsible_id"]))) for row in rows))  # noqa: S308 (each part is escaped)


def _card(row: dict[str, Any], stage: Stage, *, now: datetime, today: Any, people: dict[int, Any], words: dict[str, str], may_edit: bool) -> str:
    pk, days = row["id"], (now - row["stage_since"]).days
    rots = stage.idle_days is not None and days >= stage.idle_days
    who = " · ".join(filter(None, (row["company"], row["contact"])))
    total = money.show(row["sum_minor"], currency=row["currency"])
    shown = f'<span class="deal__sum">{esc(total)}</span>' if total else f'<span class="deal__sum deal__sum--none">{words["none"]}</span>'
    since = f"{icon('hourglass', 'sm', 'warn')}<span class=\"warn strong\">{esc(_('%(n)s d idle') % {'n': days})}</span>" if rots else f'<span class="sr">{words["here"]} </span>{days_ago(row["stage_since"])}'
    move = f'<button class="btn btn--quiet btn--sm btn--icon deal__move" type="button" hx-get="/deals/{pk}/move-menu" hx-target="#modal" aria-label="{esc(words["move"] % {"name": row["name"]})}">{icon("arrow-right-left")}</button>' if may_edit else ""
    moves = f' data-move="/deals/{pk}/move" data-move-menu="/deals/{pk}/move-menu" data-lose="/deals/{pk}/lose"' if may_edit else ""
    return (
        f'<article class="deal{" deal--rots" if rots else ""}" data-pk="{pk}" data-version="{row["version"]}"{moves}>'
        f'<h3 class="deal__name"><a class="cut-2" href="/deals/{pk}">{esc(row["name"])}</a></h3><div class="deal__rows">{f"<p class=cut>{esc(who)}</p>" if who else ""}'
        f'<p class="deal__line">{shown}<span class="deal__days">{since}</span></p></div>'
        f'<div class="deal__foot">{_step(row, now=now, today=today, words=words)}{avatar(people.get(row["responsible_id"]))}{move}</div></article>'
    )


def _step(row: dict[str, Any], *, now: datetime, today: Any, words: dict[str, str]) -> str:
    """The next step, by sign, colour and word: late, today, later, or none planned."""
    due, text = row["next_task_at"], row["next_task_text"]
    if due is None:
        return f'<span class="next next--none">{icon("circle-dashed")}<span class="cut">{words["no step"]}</span></span>'
    if due < now:
        late = (now - due).days
        said = ngettext("%(n)s day late: %(text)s", "%(n)s days late: %(text)s", late) % {"n": late, "text": text} if late else _("Late: %(text)s") % {"text": text}
        return f'<span class="next next--late">{icon("alarm-clock")}<span class="cut">{esc(said)}</span></span>'
    state, sign = ("today", "clock") if timezone.localdate(due) == today else ("later", "calendar")
    return f'<span class="next next--{state}">{icon(sign)}<span class="cut">{when(due, clock_time=False)}: {esc(text)}</span></span>'
