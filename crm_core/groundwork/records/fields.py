"""Form fields of records: rows of phones and the like, figures as people type them, custom fields, tags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField, Kind
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.kernel import preferences
from crm_platform.kernel.permissions import Actor, robot
from crm_platform.kernel.reading import at_place

SPARE = 1


class RowsWidget(forms.Widget):
    """Several rows of a few inputs; one spare row is always there, so that it works without scripts."""

    template_name = "records/widgets/rows.html"
    needs_multipart_form = False

    def __init__(self, columns: Sequence[tuple[str, Any, Sequence[tuple[str, Any]] | None]]) -> None:
        super().__init__()
        self.columns = columns

    def get_context(self, name: str, value: Any, attrs: Mapping[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, None, dict(attrs or {}))
        rows = [*(value or []), *({} for _ in range(SPARE))]
        context["rows"] = [
            [{"name": f"{name}-{key}", "label": label, "choices": choices, "value": row.get(key, "")} for key, label, choices in self.columns]
            for row in rows
        ]
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        columns = [(key, data.getlist(f"{name}-{key}") if hasattr(data, "getlist") else []) for key, _label, _choices in self.columns]
        length = max((len(values) for _key, values in columns), default=0)
        return [{key: (values[at] if at < len(values) else "").strip() for key, values in columns} for at in range(length)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-{self.columns[0][0]}" not in data

    def id_for_label(self, id_: str) -> str:
        return id_


class RowsField(forms.Field):
    """A list of dicts; rows whose `main` column is empty are left out, or with no `main` those in which nothing is written."""

    def __init__(self, *, columns: Sequence[tuple[str, Any, Sequence[tuple[str, Any]] | None]], main: str = "", most: int = 50, **kwargs: Any) -> None:
        super().__init__(widget=RowsWidget(columns), required=False, **kwargs)
        self.most = most
        self.told_by = (main,) if main else tuple(key for key, _label, choices in columns if choices is None)

    def clean(self, value: Any) -> list[dict[str, str]]:
        rows = [{key: text[:300] for key, text in row.items()} for row in (value or []) if any(row.get(key) for key in self.told_by)]
        if len(rows) > self.most:
            raise forms.ValidationError(_("At most %(most)s of these."), params={"most": self.most})
        return rows

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.clean(data)


_FIGURE = re.compile(r"[\s\u00a0\u202f'’_]")


def read_decimal(text: str) -> Decimal | None:
    """A figure as people type it: "1 234,56", "1,234.56", "1.234,56", "€ 12"; None where it is none.

    The last of the two signs is the decimal one; a single sign before exactly three digits is a thousands' sign when it
    is a comma, and a decimal point when it is a point.
    """
    plain = _FIGURE.sub("", re.sub(r"[^\d,.\s'’()+-]", "", text.strip()))
    negative = plain.startswith(("(", "-"))
    plain = plain.strip("()+-")
    if not plain or not re.fullmatch(r"[\d.,]+", plain) or not re.search(r"\d", plain):
        return None
    if "," in plain and "." in plain:
        decimal = "," if plain.rfind(",") > plain.rfind(".") else "."
        other = "." if decimal == "," else ","
        plain = plain.replace(other, "").replace(decimal, ".")
    elif plain.count(",") == 1 and len(plain) - plain.find(",") != 4:
        plain = plain.replace(",", ".")
    elif "," in plain:
        plain = plain.replace(",", "")
    elif plain.count(".") > 1:
        plain = plain.replace(".", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return -value if negative else value


class FigureField(forms.CharField):
    """A number as people type it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal"}), max_length=40, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        figure = read_decimal(text)
        if figure is None:
            raise forms.ValidationError(_("This is not a number."))
        if abs(figure) >= Decimal(10) ** 15:
            raise forms.ValidationError(_("This number is too large."))
        return figure


class RecordForm(forms.Form):
    """The frame of every record's form: the version it was drawn from, responsible, tags, custom fields."""

    entity = ""
    # Who fills the form: what is typed by name and not there yet is made in this person's name.
    actor: Actor = robot("form")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = record
        present = record.responsible_id if record else None
        self.fields["responsible"] = forms.TypedChoiceField(
            label=_("Responsible"), coerce=int, empty_value=None, required=False,
            choices=[("", _("Nobody")), *directory.choices(present=present)], initial=present,
        )  # fmt: skip
        names = tags.names_of(self.entity, record.tag_ids) if record else []
        self.fields["tags"] = forms.CharField(label=_("Tags"), required=False, max_length=500, initial=", ".join(names), help_text=_("Parted by commas."))
        for field in custom.fields_of(self.entity):
            value = (record.custom if record else {}).get(str(field.pk))
            if field.for_programs or (field.holds_moments and value and custom.moment_in(value) is None):
                continue  # what only a program can read: it stands on the card, and stays
            self.fields[f"custom_{field.pk}"] = form_field(field, value)

    def own_values(self) -> dict[str, Any]:
        """Values of the record's own columns and links; slices extend it."""
        return {}

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = self.cleaned_data
        values = self.own_values()
        values["responsible_id"] = given["responsible"]
        values["tag_ids"] = tags.ids_of(self.entity, given["tags"].replace(";", ",").split(","))
        own = {name.removeprefix("custom_"): value for name, value in given.items() if name.startswith("custom_")}
        if own:
            values["custom"] = own
        return values


def form_field(field: CustomField, value: Any) -> forms.Field:
    """The form field of a custom field."""
    common: dict[str, Any] = {"label": field.name, "required": field.required, "help_text": field.hint, "initial": value}
    options = [(option["id"], option["label"]) for option in field.options if not option.get("archived")]
    match Kind(field.kind):
        case Kind.NUMBER | Kind.MONEY:
            return FigureField(**common)
        case Kind.DATE:
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
        case Kind.LIST:
            return forms.ChoiceField(choices=[("", "–"), *options], **common)
        case Kind.MULTI:
            return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **common)
        case Kind.CHECKBOX:
            return forms.BooleanField(**(common | {"required": False}))
        case Kind.OTHER:
            return MomentField(**common | {"initial": custom.moment_in(value)})
    return forms.CharField(max_length=5000, **common)


class MomentField(forms.DateTimeField):
    """A date with a time, the firm's. What is sent back as it was shown stays what it was: seconds, and which of two equal hours when clocks go back."""

    def __init__(self, **common: Any) -> None:
        self.exact = bool(common["initial"] and common["initial"].second)
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", **({"step": "1"} if self.exact else {})}, format=self._format)
        super().__init__(widget=widget, **common)

    @property
    def _format(self) -> str:
        return "%Y-%m-%dT%H:%M:%S" if self.exact else "%Y-%m-%dT%H:%M"

    def to_python(self, value: Any) -> datetime | None:
        """Raises ValidationError for what is none, and for an hour that is skipped when clocks go forward."""
        text, zone, before = str(value or "").strip(), preferences.zone(), cast("datetime | None", self.initial)
        if not text:
            return None
        if before and text == f"{before.astimezone(zone):{self._format}}":
            return before
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
        if read.tzinfo:
            return read
        moment = at_place(read, zone)
        if moment is None:
            raise forms.ValidationError(_("The clocks skip this hour on that day."), code="invalid")
        return moment
