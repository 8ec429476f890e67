"""Fields of forms, drawn in Python: a page with a dialog has dozens of them, and a template for each attribute of each costs more than all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.forms import BoundField, CheckboxInput, FileInput, HiddenInput, RadioSelect, Select, Textarea
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from .icons import icon
from .markup import esc, fill


class FieldRenderer(DjangoTemplates):
    """Django's renderer of widgets, with the plain controls drawn without a template; everything else goes the stock way."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """The markup of a widget from Django's own context for it."""
        draw = _CONTROLS.get(template_name)
        return super().render(template_name, context, request) if draw is None else draw(context["widget"])


def _attributes(attrs: dict[str, Any]) -> str:
    parts = [f" {name}" if value is True else f' {name}="{esc(str(value))}"' for name, value in attrs.items() if value is not False]
    return "".join(parts)


def _input(widget: dict[str, Any]) -> str:
    value = widget["value"]
    shown = "" if value is None else f' value="{esc(str(value))}"'
    return f'<input type="{widget["type"]}" name="{esc(widget["name"])}"{shown}{_attributes(widget["attrs"])}>'


def _textarea(widget: dict[str, Any]) -> str:
    # The line break after the tag is no content; without it a browser would eat the first one of the text.
    return f'<textarea name="{esc(widget["name"])}"{_attributes(widget["attrs"])}>\n{esc(widget["value"] or "")}</textarea>'


def _select(widget: dict[str, Any]) -> str:
    groups = "".join(_group(name, options) for name, options, _index in widget["optgroups"])
    return f'<select name="{esc(widget["name"])}"{_attributes(widget["attrs"])}>{groups}</select>'


def _group(name: str | None, options: Iterable[dict[str, Any]]) -> str:
    drawn = "".join(f'<option value="{esc(str(option["value"]))}"{_attributes(option["attrs"])}>{esc(option["label"])}</option>' for option in options)
    return f'<optgroup label="{esc(name)}">{drawn}</optgroup>' if name else drawn


_CONTROLS: dict[str, Callable[[dict[str, Any]], str]] = {
    **{f"django/forms/widgets/{kind}.html": _input for kind in ("text", "hidden", "number", "email", "url", "tel", "search", "password", "date", "datetime", "time", "checkbox", "color")},
    "django/forms/widgets/textarea.html": _textarea,
    "django/forms/widgets/select.html": _select,
}


def draw(bound: BoundField, **wish: Any) -> SafeString:
    """A field: label, control, hint, errors, and whether it may stay empty.

    `wish` may say `optional` (by itself what is not required, and not `needed_at_times`), `affix` (a word behind the control), `label_hidden` and `hint` (instead of the field's own);
    everything else becomes an attribute of the control (`hx_get` → `hx-get`).
    """
    hint = wish.pop("hint", bound.help_text)
    affix, hidden, optional = wish.pop("affix", ""), wish.pop("label_hidden", False), wish.pop("optional", not bound.field.required and not getattr(bound.field, "needed_at_times", False))
    kind = _kind_of(bound.field.widget)
    described = f"{bound.auto_id}-d"
    control = bound.as_widget(attrs=_control_attributes(bound, kind, described if bound.errors or hint else "", wish))
    if kind == "hidden":
        return control
    note = _note(bound, described, hint)
    if kind == "check":
        return fill('<div class="field"><label class="check">{}<span>{}</span></label>{}</div>', control, bound.label, note)
    if kind == "radios":
        choices = SafeString("".join(fill('<label class="check">{}<span>{}</span></label>', choice.tag(), choice.choice_label) for choice in bound))
        return fill('<fieldset class="field"><legend class="field__label">{}</legend>{}{}</fieldset>', bound.label, choices, note)
    need = fill('<span class="field__need">{}</span>', gettext("may stay empty")) if optional else ""
    label = fill('<label class="field__label{}" for="{}">{}{}</label>', " sr" if hidden else "", bound.id_for_label, bound.label, need)
    shown = fill('<div class="affix">{}<span class="affix__text">{}</span></div>', control, affix) if affix else control
    return fill('<div class="field">{}{}{}</div>', label, shown, note)


def plan_way_out(may_plan: bool) -> SafeString:
    """What leads on where the plan is full: the plans, or whom to ask."""
    if not may_plan:
        return fill('<span class="push">{}</span>', gettext("An administrator of your workspace can change the plan."))
    return fill('<a class="link push" href="/settings/plan">{}</a>', gettext("See the plans"))


def draw_all(form: Any, *, may_plan: bool = False) -> SafeString:
    """All fields of a form in order, its general errors first; a full plan's way out is a link for whom it is open (`may_plan`)."""
    general = form.non_field_errors()
    way_out = plan_way_out(may_plan) if getattr(form, "plan_is_full", False) else ""
    head = fill('<div class="banner banner--bad" role="alert">{}<p>{}</p>{}</div>', icon("circle-alert"), " ".join(general), way_out) if general else ""
    return mark_safe(head + "".join(draw(bound) for bound in form))  # noqa: S308 (drawn above)


def _control_attributes(bound: BoundField, kind: str, described: str, wish: dict[str, Any]) -> dict[str, str | bool]:
    attrs: dict[str, str | bool] = {"class": "input"} if kind in ("input", "select", "textarea") else {}
    if described:
        attrs["aria-describedby"] = described
    if bound.errors:
        attrs["aria-invalid"] = "true"
    attrs |= {name.replace("_", "-"): str(value) for name, value in wish.items()}
    return {name: value for name, value in attrs.items() if value}


def _note(bound: BoundField, described: str, hint: Any) -> str:
    if bound.errors:
        return fill('<p class="field__error" id="{}">{}<span>{}</span></p>', described, icon("circle-alert"), " ".join(map(str, bound.errors)))
    return fill('<p class="field__hint" id="{}">{}</p>', described, hint) if hint else ""


def _kind_of(widget: Any) -> str:
    if isinstance(widget, HiddenInput):
        return "hidden"
    if isinstance(widget, RadioSelect):
        return "radios"
    if isinstance(widget, CheckboxInput):
        return "check"
    if isinstance(widget, Select):
        return "select"
    if isinstance(widget, Textarea):
        return "textarea"
    return "file" if isinstance(widget, FileInput) else "input"
