"""Pipelines, their statuses and the reasons for losing. Won and lost are rows of each pipeline, told as 142 and 143."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.sales.pipelines import queries, services, unsaid
from crm_core.sales.pipelines.models import LostReason, Pipeline, Stage, StageKind
from crm_platform.kernel.errors import NotFound

# The API's colours by our eight hues, and each of its colours by the hue that comes nearest.
COLOURS = {1: "#e6e8ea", 2: "#98cbff", 3: "#87f2c0", 4: "#fff000", 5: "#ffce5a", 6: "#deff81", 7: "#ff8f92", 8: "#ccc8f9"}
_HUES = {
    **{colour: hue for hue, colour in COLOURS.items()},
    "#fffeb2": 4, "#fffd7f": 4, "#ffeab2": 5, "#ffdc7f": 5, "#ffdbdb": 7, "#ffc8c8": 7, "#d6eaff": 2, "#c1e0ff": 2, "#ebffb1": 6, "#f9deff": 8,
    "#f3beff": 8, "#eb93ff": 8, "#f2f3f4": 1, "#99ccff": 2, "#ffcc66": 5, "#c1c1c1": 1, "#ccff66": 6, "#d5d8db": 1,
}  # fmt: skip
# Where the API counts its places from, and where those of won and lost stand.
_FIRST, _SYSTEM = 20, {StageKind.WON.value: (10_000, "#CCFF66"), StageKind.LOST.value: (11_000, "#D5D8DB")}


def index(asked: Asked) -> HttpResponse:
    """All pipelines with their statuses; they are few, and come whole."""
    return answers.all_of(asked, "pipelines", [pipeline(asked, one) for one in queries.everything().pipelines])


def show(asked: Asked, pk: int) -> HttpResponse:
    """One pipeline."""
    return answers.told(pipeline(asked, queries.pipeline(pk)))


def pipeline(asked: Asked, one: Pipeline) -> dict[str, Any]:
    """A pipeline as the API tells it."""
    main = next((row.pk for row in queries.active()), None)
    return {
        "id": one.pk, "name": one.name, "sort": one.order + 1, "is_main": one.pk == main, "is_unsorted_on": True, "is_archive": one.archived_at is not None,
        "account_id": account_id(), "_links": answers.href(asked, f"leads/pipelines/{one.pk}"),
        "_embedded": {"statuses": [unsorted(asked, one), *(status(asked, stage) for stage in queries.everything().of(one.pk))]},
    }  # fmt: skip


def unsorted(asked: Asked, one: Pipeline) -> dict[str, Any]:
    """The status in which incoming leads wait: of type 1, not to be edited; no lead is ever put there."""
    number = names.unsorted_of(one.pk)
    return _row(asked, one.pk, number, "Incoming leads", sort=10, color="#c1c1c1", type_=1, editable=False)


def status(asked: Asked, stage: Stage) -> dict[str, Any]:
    """A stage as the API tells it."""
    sort, color = _SYSTEM.get(stage.kind, (stage.order + _FIRST, COLOURS[stage.hue]))
    return _row(asked, stage.pipeline_id, names.status_of(stage) or 0, stage.name, sort=sort, color=color, type_=0, editable=stage.kind == StageKind.OPEN)


def _row(asked: Asked, pipeline_id: int, number: int, name: str, *, sort: int, color: str, type_: int, editable: bool) -> dict[str, Any]:
    links = answers.href(asked, f"leads/pipelines/{pipeline_id}/statuses/{number}")
    row = {
        "id": number, "name": name, "sort": sort, "is_editable": editable, "pipeline_id": pipeline_id, "color": color, "type": type_,
        "account_id": account_id(), "_links": links,
    }  # fmt: skip
    return {**row, "descriptions": []} if "descriptions" in asked.wants else row


def make(asked: Asked) -> HttpResponse:
    """Make pipelines with the statuses given; won and lost are there of themselves, and may be named."""
    items = items_of(asked.items)
    made = []
    for item in items:
        name, given = item.text("name", most=120), item.beneath("_embedded").each("statuses")
        fresh = [one for one in given if one.whole("id") not in (names.WON, names.LOST)]
        stages = [(one.text("name", most=120), _hue(one, 1)) for one in sorted(fresh, key=lambda one: one.whole("sort") or 0)]
        settle(items)
        with item.refused_here():
            pipeline_ = services.add_pipeline(asked.actor, name=name, stages=stages)
            for one in given:
                if one.whole("id") in (names.WON, names.LOST) and one.text("name"):
                    _rename(asked, _stage(pipeline_.pk, one.whole("id") or 0), one)
            if item.whole("sort") is not None:
                services.place_pipeline(asked.actor, pipeline_.pk, order=_place(item))
        made.append((item, pipeline_.pk))
    return answers.made(asked, "pipelines", [{**pipeline(asked, queries.pipeline(pk)), "request_id": item.request_id} for item, pk in made], _total_items=len(made))


def _place(item: Item) -> int:
    return max(0, (item.whole("sort", most=30_000) or 1) - 1)


def change(asked: Asked, pk: int) -> HttpResponse:
    """Rename a pipeline, or give it another place; the first is the main one."""
    item = Item(asked.item)
    present = queries.pipeline(pk)
    name = item.text("name", most=120) if item.given("name") else present.name
    settle([item])
    with item.refused_here():
        if name != present.name:
            services.rename_pipeline(asked.actor, pk, name=name)
        if item.flag("is_main"):
            services.place_pipeline(asked.actor, pk, order=0)
        elif item.whole("sort") is not None:
            services.place_pipeline(asked.actor, pk, order=_place(item))
    return answers.told(pipeline(asked, queries.pipeline(pk)))


def delete(asked: Asked, pk: int) -> HttpResponse:
    """Delete a pipeline in which no lead stands; the last one stays."""
    services.delete_pipeline(asked.actor, pk)
    return answers.nothing()


def statuses(asked: Asked, pipeline_id: int) -> HttpResponse:
    """The statuses of a pipeline, the incoming leads' first."""
    one = queries.pipeline(pipeline_id)
    return answers.all_of(asked, "statuses", [unsorted(asked, one), *(status(asked, stage) for stage in queries.everything().of(one.pk))])


def show_status(asked: Asked, pipeline_id: int, pk: int) -> HttpResponse:
    """One status."""
    one = queries.pipeline(pipeline_id)
    return answers.told(unsorted(asked, one) if pk == names.unsorted_of(one.pk) else status(asked, _stage(pipeline_id, pk)))


def _stage(pipeline_id: int, pk: int) -> Stage:
    stage = names.stage_of(pk, pipeline_id=pipeline_id)
    if stage is None or stage.pipeline_id != pipeline_id:
        raise NotFound
    return stage


def make_statuses(asked: Asked, pipeline_id: int) -> HttpResponse:
    """Add statuses before won and lost; `sort` gives the place among them."""
    queries.pipeline(pipeline_id)
    items = items_of(asked.items)
    made = []
    for item in items:
        name, hue = item.text("name", most=120), _hue(item, 5)
        settle(items)
        with item.refused_here():
            stage = services.add_stage(asked.actor, pipeline_id, name=name, hue=hue)
            if item.whole("sort") is not None:
                _put(asked, stage, item)
        made.append((item, stage.pk))
    board = queries.everything()
    return answers.made(asked, "statuses", [{**status(asked, board.stages[pk]), "request_id": item.request_id} for item, pk in made], _total_items=len(made))


def _hue(item: Item, usual: int) -> int:
    return hue_of(item.text("color", most=20), usual)


def hue_of(color: str, usual: int = 1) -> int:
    """Our hue that comes nearest to a colour of the API."""
    given = color.lower()
    return _HUES.get(given if given.startswith("#") or not given else f"#{given}", usual)


def _put(asked: Asked, stage: Stage, item: Item) -> None:
    """Move a stage to where its sort says it stands among the others."""
    wanted = (item.whole("sort", most=100_000) or _FIRST) - _FIRST
    row = queries.everything().open_of(stage.pipeline_id)
    to = sum(one.order < wanted for one in row if one.pk != stage.pk)
    at = next(place for place, one in enumerate(row) if one.pk == stage.pk)
    if to != at:
        services.move_stage(asked.actor, stage.pk, by=to - at)


def change_status(asked: Asked, pipeline_id: int, pk: int) -> HttpResponse:
    """Name, colour, place of a status; of won and lost the name alone."""
    stage, item = _stage(pipeline_id, pk), Item(asked.item)
    _rename(asked, stage, item)
    settle([item])
    if stage.kind == StageKind.OPEN and item.whole("sort") is not None:
        _put(asked, stage, item)
    return answers.told(status(asked, queries.everything().stages[stage.pk]))


def _rename(asked: Asked, stage: Stage, item: Item) -> None:
    name = item.text("name", most=120) or stage.name
    with item.refused_here():
        services.change_stage(asked.actor, stage.pk, name=name, hue=_hue(item, stage.hue), probability=stage.probability, idle_days=stage.idle_days)


def delete_status(asked: Asked, pipeline_id: int, pk: int) -> HttpResponse:
    """Delete a status; its leads move to the first of the others."""
    stage = _stage(pipeline_id, pk)
    others = [one.pk for one in queries.everything().open_of(pipeline_id) if one.pk != stage.pk]
    services.delete_stage(asked.actor, stage.pk, to_id=others[0] if others else None)
    return answers.nothing()


def reasons(asked: Asked) -> HttpResponse:
    """The reasons for losing that are in use."""
    board = queries.everything()
    found = [one for one in board.reasons.values() if one.archived_at is None and not unsaid.is_unsaid(board, one.pk)]
    return answers.all_of(asked, "loss_reasons", [_reason(asked, one) for one in found])


def _reason(asked: Asked, one: LostReason) -> dict[str, Any]:
    links = answers.href(asked, f"leads/loss_reasons/{one.pk}")
    return {"id": one.pk, "name": one.name, "sort": one.order, "created_at": 0, "updated_at": 0, "_links": links}


def show_reason(asked: Asked, pk: int) -> HttpResponse:
    """One reason, one out of use as well."""
    found = queries.everything().reasons.get(pk)
    if found is None:
        raise NotFound
    return answers.told(_reason(asked, found))


def make_reasons(asked: Asked) -> HttpResponse:
    """Add reasons."""
    return _written(asked, lambda item: services.add_reason(asked.actor, name=item.text("name", most=120)))


def change_reasons(asked: Asked) -> HttpResponse:
    """Rename reasons; each item names its id."""
    return _written(asked, lambda item: services.rename_reason(asked.actor, item.whole("id") or 0, name=item.text("name", most=120)))


def _written(asked: Asked, write: Callable[[Item], LostReason]) -> HttpResponse:
    items, rows = items_of(asked.items), []
    for item in items:
        with item.refused_here():
            rows.append({**_reason(asked, write(item)), "request_id": item.request_id})
        settle(items)
    return answers.made(asked, "loss_reasons", rows)


def change_reason(asked: Asked, pk: int) -> HttpResponse:
    """Rename one reason."""
    item = Item(asked.item)
    with item.refused_here():
        return answers.told(_reason(asked, services.rename_reason(asked.actor, pk, name=item.text("name", most=120))))


def delete_reason(asked: Asked, pk: int) -> HttpResponse:
    """Offer a reason no longer; deals that were lost for it keep it."""
    found = queries.everything().reasons.get(pk)
    if found is None:
        raise NotFound
    if found.archived_at is None:
        services.archive_reason(asked.actor, pk)
    return answers.nothing()
