"""Custom fields: two in use never have one name."""

from __future__ import annotations

import pytest

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def change(field: CustomField, name: str) -> CustomField:
    return custom.change_field(ROBOT, field.pk, name=name, hint="", required=False)


@pytest.mark.parametrize("name", ["Shoe size", "SHOE SIZE", " shoe   size ", "Shoe\tsize"])
def test_a_field_gets_no_name_that_another_has(inside, name: str) -> None:
    custom.add_field(ROBOT, entity="contact", name="Shoe size", kind="text")
    other = custom.add_field(ROBOT, entity="contact", name="Hat", kind="text")
    for attempt in (lambda: change(other, name), lambda: custom.add_field(ROBOT, entity="contact", name=name, kind="text")):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert "name" in refused.value.fields
    assert CustomField.objects.get(pk=other.pk).name == "Hat"


def test_a_field_may_change_the_case_of_its_own_name_and_another_kinds_is_free(inside) -> None:
    size = custom.add_field(ROBOT, entity="contact", name="Shoe size", kind="text")
    assert change(size, "SHOE size").name == "SHOE size"
    assert custom.add_field(ROBOT, entity="company", name="Shoe size", kind="text").name == "Shoe size"


def test_an_archived_field_comes_back_only_while_its_name_is_free(inside) -> None:
    old = custom.add_field(ROBOT, entity="contact", name="Size", kind="text")
    custom.archive_field(ROBOT, old.pk)
    custom.add_field(ROBOT, entity="contact", name="size", kind="text")
    with pytest.raises(Invalid):
        custom.revive_field(ROBOT, old.pk)
    change(old, "Old size")
    assert custom.revive_field(ROBOT, old.pk).archived_at is None
