"""The form that people fill in: made from its definition, checked as it is shown, and guarded against robots without following anybody."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.core.signing import BadSignature
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from crm_platform.kernel import signing
from crm_platform.kernel.errors import Invalid, TooMany
from crm_platform.kernel.http import throttle

from .bodies import LARGEST_FILE

# Nobody fills in a form faster, nor has it open for longer; from one address as many an hour.
FASTEST, OPEN_FOR, FROM_ONE_ADDRESS = 1.5, timedelta(days=2), 30
_PURPOSE = "lead-form"
HONEY = "website"


class PublicForm(forms.Form):
    """A lead's form. `hidden_now` are the fields whose condition does not hold: they need nothing, and what they say is left out."""

    def __init__(self, definition: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = "lead_%s"
        super().__init__(*args, **kwargs)
        self.definition, self.rows = definition, definition["fields"]
        for row in self.rows:
            self.fields[row["key"]] = _made(row)
            _conditional(self.fields[row["key"]], row, self.rows)
        if definition["settings"]["consent"]:
            self.fields["consent"] = forms.BooleanField(label=definition["settings"]["consent"], error_messages={"required": _("Without this we may not keep what you send.")})

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        for row in self.rows:
            if row["required"] and row["key"] not in self.errors and not self.hides(row) and given.get(row["key"]) in (None, "", False):
                self.add_error(row["key"], _("This has to be filled in."))
        return given

    def hides(self, row: dict[str, Any]) -> bool:
        """Whether a field's condition does not hold, or that of the field it hangs on."""
        when = row.get("when") or {}
        if not when:
            return False
        other = next((one for one in self.rows if one["key"] == when["field"]), None)
        return other is None or self.hides(other) or _chosen(other, self.cleaned_data.get(other["key"])) not in when["values"]

    def answers(self) -> list[dict[str, Any]]:
        """What was said, as `reading` takes it."""
        shown = [row for row in self.rows if row["type"] != "file" and not self.hides(row)]
        return [{"key": row["key"], "label": row["label"], "role": row["role"], "value": _value(row, self.cleaned_data.get(row["key"]))} for row in shown if self.cleaned_data.get(row["key"]) not in (None, "")]

    def sent_files(self) -> list[Any]:
        """The files that came with it."""
        return [self.cleaned_data[row["key"]] for row in self.rows if row["type"] == "file" and self.cleaned_data.get(row["key"]) and not self.hides(row)]


def _made(row: dict[str, Any]) -> forms.Field:
    made = _MAKERS.get(row["type"], _line)(row, {"label": row["label"], "required": False})
    made.needed_at_times = row["required"]  # type: ignore[attr-defined]  # the label says "may stay empty" of the others
    return made


def _line(row: dict[str, Any], plain: dict[str, Any]) -> forms.Field:
    return forms.CharField(max_length=500, widget=forms.TextInput(attrs={"autocomplete": "name"} if row["role"] == "name" else {}), **plain)


def _list(row: dict[str, Any], plain: dict[str, Any]) -> forms.Field:
    return forms.ChoiceField(choices=[("", _("Choose")), *((f"o{at}", option) for at, option in enumerate(row["options"]))], **plain)


def _phone(row: dict[str, Any], plain: dict[str, Any]) -> forms.Field:
    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})
    return forms.RegexField(r"^[+\d][\d\s().\-/]{4,24}$", widget=widget, error_messages={"invalid": _("This is not a phone number.")}, **plain)


def _fits(file: Any) -> None:
    if file.size > LARGEST_FILE:
        raise forms.ValidationError(_("A file may have 10 MB."))


_MAKERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], forms.Field]] = {
    "area": lambda row, plain: forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 4}), **plain),
    "phone": _phone,
    "email": lambda row, plain: forms.EmailField(max_length=250, widget=forms.EmailInput(attrs={"autocomplete": "email"}), **plain),
    "number": lambda row, plain: forms.DecimalField(max_digits=20, **plain),
    "date": lambda row, plain: forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **plain),
    "list": _list,
    "check": lambda row, plain: forms.BooleanField(**plain),
    "file": lambda row, plain: forms.FileField(max_length=250, validators=[_fits], **plain),
}


def _conditional(field: forms.Field, row: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    when = row.get("when") or {}
    other = next((one for one in rows if one["key"] == when.get("field")), None)
    if other is not None:
        values = " ".join(f"o{at}" for at, option in enumerate(other["options"]) if option in when["values"])
        field.widget.attrs |= {"data-behaviour": "only-with", "data-only-with": other["key"], "data-only-values": values}


def _chosen(row: dict[str, Any], value: Any) -> str:
    return next((option for at, option in enumerate(row["options"]) if value == f"o{at}"), "")


def _value(row: dict[str, Any], value: Any) -> str:
    if row["type"] == "list":
        return _chosen(row, value)
    if row["type"] == "check":
        return "1" if value else ""
    return str(value)


# Against robots.


class TooFast(Invalid):
    """Filled in faster than anybody types."""

    code = "too_fast"
    sentence = _("That was very quick. Look at it once more and send it again.")


class OpenTooLong(Invalid):
    """The form's sign is none of ours, or it was open for days."""

    code = "open_too_long"
    sentence = _("This form had been open too long. It is drawn anew; send it again.")


def token(uid: str) -> str:
    """A signed number for one drawing of a form: it says when, and makes what is sent twice one."""
    return signing.sign({"f": uid, "n": secrets.token_urlsafe(9), "t": time.time()}, purpose=_PURPOSE)


def number_of(text: str, uid: str) -> str:
    """The number of a drawing. Raises OpenTooLong, TooFast."""
    try:
        facts = signing.unsign(text, purpose=_PURPOSE, max_age=OPEN_FOR)
    except BadSignature:
        raise OpenTooLong from None
    if not isinstance(facts, dict) or facts.get("f") != uid:
        raise OpenTooLong
    if time.time() - float(facts["t"]) < FASTEST:
        raise TooFast
    return str(facts["n"])


def slow_down(uid: str, address: str) -> None:
    """Raise TooMany where one address sends a form over and over; a cache that does not answer lets everybody in."""
    try:
        throttle.limit("lead-form", f"{uid}.{address}", most=FROM_ONE_ADDRESS, seconds=3600)
    except TooMany:
        raise
    except (RedisError, ValueError):
        return
