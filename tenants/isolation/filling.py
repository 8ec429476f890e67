"""What the houses of a proof hold: slices bring a module `proving` that fills by their own services; what they leave empty is filled from the models.

A table that can be filled by neither makes the proof fail: nothing of it could be looked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.utils.module_loading import autodiscover_modules

from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock

if TYPE_CHECKING:
    from .houses import House

# `fill(mark)` runs in a unit of the workspace and writes `mark` into every text.
Fill = Callable[[str], None]
_fills: list[Fill] = []
# `rows(public_id)` gives what addresses name a row by, a number or a word → the whole row as a text.
Beside = Callable[[str], dict[int, str] | dict[str, str]]
_beside: dict[str, Beside] = {}
# `empty(public_id)` removes from the control side what would outlive a house.
Empty = Callable[[str], None]
_empties: list[Empty] = []


def fills(function: Fill) -> Fill:
    """Register what fills a house, in the order of the applications."""
    if function not in _fills:
        _fills.append(function)
    return function


def stands_beside(beginning: str) -> Callable[[Beside], Beside]:
    """Register what gives a workspace's rows of the control side that are named in the addresses of so a beginning."""

    def register(function: Beside) -> Beside:
        _beside[beginning] = function
        return function

    return register


def empties(function: Empty) -> Empty:
    """Register what takes a house's rows off the control side that do not go with its workspace. It opens its own unit."""
    if function not in _empties:
        _empties.append(function)
    return function


def empty(public_id: str) -> None:
    """Nothing of a house is left on the control side but its workspace."""
    for function in _empties:
        function(public_id)


def names_beside(path: str) -> bool:
    """Whether an address names a row of the control side."""
    return any(path.startswith(beginning) for beginning in _beside)


def beside(public_id: str, path: str) -> dict[str, list[int | str]]:
    """What an address may name a workspace's rows of the control side by, for each kind of variable ("int", "slug"). Opens a control unit."""
    named = [name for beginning, rows in _beside.items() if path.startswith(beginning) for name in rows(public_id)]
    return {"int": [name for name in named if isinstance(name, int)], "slug": [name for name in named if isinstance(name, str)]}


def standing_beside(public_id: str) -> dict[str, tuple[int, str]]:
    """All of those rows by count and content: whether one has changed. Opens a control unit."""
    found = {beginning: rows(public_id) for beginning, rows in _beside.items()}
    return {f"control: {beginning}": (len(rows), "".join(rows.values())) for beginning, rows in found.items()}


def models_inside() -> Iterator[type[models.Model]]:
    """Every model of a workspace."""
    inside = {config.label for config in apps.get_app_configs() if config.name in settings.TENANT_APPS}
    return (model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in inside and model._meta.managed)


def fill(house: House) -> list[str]:
    """Fill the house; returns the tables that stayed empty."""
    autodiscover_modules("proving")
    for function in _fills:
        with sides.unit(house.place):
            function(house.mark)
            Job.objects.all().delete()  # before the commit: no worker shall send letters to people who are none
    with sides.unit(house.place):
        return [model._meta.db_table for model in models_inside() if not model._default_manager.exists() and not _made(model, house.mark)]


def _made(model: type[models.Model], mark: str) -> bool:
    """A row made of the fields alone."""
    values: dict[str, Any] = {}
    for one in model._meta.concrete_fields:
        if one.primary_key and isinstance(one, models.AutoField):
            continue
        values[one.attname] = _value(one, mark)
    try:
        with transaction.atomic():
            model._default_manager.bulk_create([model(**values)])
    except (DatabaseError, ValueError, TypeError):
        return False
    return True


def _value(one: models.Field[Any, Any], mark: str) -> Any:
    if one.remote_field is not None:
        target = one.remote_field.model._default_manager.values_list("pk", flat=True).first()
        return None if target is None and one.null else target
    if one.choices:
        return next(iter(dict(one.flatchoices)))
    return next((make(one, mark) for kind, make in _MAKERS if isinstance(one, kind)), one.get_default())


def _text(one: models.Field[Any, Any], mark: str) -> str:
    return mark[: one.max_length] if one.max_length else f"{mark} text"


_MAKERS: tuple[tuple[type[models.Field[Any, Any]], Callable[[Any, str], Any]], ...] = (
    (models.EmailField, lambda one, mark: f"{mark}@isolation.example"),
    (models.CharField, _text),
    (models.TextField, _text),
    (models.DateTimeField, lambda one, mark: clock.real_now() + timedelta(days=30)),
    (models.DateField, lambda one, mark: date(2031, 5, 7)),
    (models.UUIDField, lambda one, mark: uuid.uuid4()),
    (models.BinaryField, lambda one, mark: mark.encode()),
    (models.JSONField, lambda one, mark: {"text": f"{mark} json"}),
    (models.GenericIPAddressField, lambda one, mark: "192.0.2.7"),
    (models.BooleanField, lambda one, mark: False),
    (models.IntegerField, lambda one, mark: 1),
    (models.DecimalField, lambda one, mark: 1),
)
