"""The form of a deal, and of losing one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.fields import FigureField, RecordForm, RowsField, read_decimal
from crm_core.groundwork.records.linking import Linked
from crm_core.people.companies import services as companies
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.kernel import money, preferences

from .kind import StageGone
from .models import DealContact, DealLine

COLUMNS = ("name", "currency", "expected_close", "source")


def stage_choices() -> list[tuple[str, list[tuple[int, str]]]]:
    """Every stage a deal may stand in, pipeline by pipeline."""
    board = pipelines.everything()
    return [(pipeline.name, [(stage.pk, stage.name) for stage in board.of(pipeline.pk)]) for pipeline in pipelines.active()]


def reason_choices() -> list[tuple[Any, Any]]:
    """The reasons in use."""
    return [("", _("Choose a reason")), *((reason.pk, reason.name) for reason in pipelines.everything().reasons.values() if reason.archived_at is None)]


class DealForm(RecordForm):
    """Everything a deal has."""

    entity = "deal"
    name = forms.CharField(label=_("Name"), max_length=250)
    sum = FigureField(label=_("Sum"), required=False)
    currency = forms.ChoiceField(label=_("Currency"), choices=[(code, code) for code in money.CURRENCIES])
    stage = forms.TypedChoiceField(label=_("Stage"), coerce=int, error_messages={"invalid_choice": StageGone.sentence})
    lost_reason = forms.TypedChoiceField(label=_("Reason for losing"), coerce=int, empty_value=None, required=False)
    company = forms.CharField(label=_("Company"), max_length=250, required=False, help_text=_("A company that is not there yet is made."))
    contacts = RowsField(label=_("Contacts"), main="contact", columns=[("contact", _("Contact"), None), ("role", _("Role here"), None)], help_text=_("A contact that is not there yet is made."))
    lines = RowsField(label=_("Products"), main="product", columns=[("product", _("Product"), None), ("quantity", _("Quantity"), None), ("price", _("Price"), None), ("discount", _("Discount, %"), None)])
    expected_close = forms.DateField(label=_("Expected to close"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    source = forms.CharField(label=_("Source"), max_length=120, required=False)

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        initial: dict[str, Any] = {"currency": preferences.here().currency}
        if record is not None:
            initial = self._read(record)
        kwargs["initial"] = initial | (kwargs.get("initial") or {})
        super().__init__(*args, record=record, **kwargs)
        self.offer_anew()
        self.fields["lost_reason"].choices = reason_choices()  # type: ignore[attr-defined]
        lost = [str(stage.pk) for stage in pipelines.everything().stages.values() if stage.kind == StageKind.LOST]
        self.fields["lost_reason"].needed_at_times = True  # type: ignore[attr-defined]
        self.fields["lost_reason"].widget.attrs |= {"data-behaviour": "only-with", "data-only-with": "stage", "data-only-values": " ".join(lost)}

    def offer_anew(self) -> None:
        """The stages there are now."""
        self.fields["stage"].choices = stage_choices()  # type: ignore[attr-defined]

    def _read(self, record: Any) -> dict[str, Any]:
        initial = {name: getattr(record, name) for name in COLUMNS}
        initial |= {"stage": record.stage_id, "lost_reason": record.lost_reason_id, "company": record.company.name if record.company_id else ""}
        if record.sum_minor is not None:
            initial["sum"] = money.typed(record.sum_minor, currency=record.currency)
        links = DealContact.objects.filter(deal=record).select_related("contact").order_by("-main", "id")
        initial["contacts"] = [{"contact": link.contact.name, "role": link.role} for link in links]
        initial["lines"] = [
            {"product": line.name, "quantity": line.quantity_shown, "price": money.typed(line.price_minor, currency=record.currency), "discount": str(line.discount or "")}
            for line in DealLine.objects.filter(deal=record)
        ]
        return initial

    def clean_lines(self) -> list[dict[str, Any]]:
        read = []
        currency = self.data.get("currency", "EUR")
        for row in self.cleaned_data["lines"]:
            quantity = _figure(row, "quantity", default=1, most=10**9)
            price = _figure(row, "price", default=0, most=10**12) if row["price"] else None
            discount = _figure(row, "discount", default=0, most=100)
            read.append({
                "product": row["product"], "quantity_milli": int(quantity * 1000), "discount": max(0, int(discount)),
                "price_minor": None if price is None else money.minor(price, currency=currency),
            })  # fmt: skip
        return read

    def own_values(self) -> dict[str, Any]:
        given = self.cleaned_data
        present = self.record.company if self.record is not None and self.record.company_id else None
        company = Linked([(present.name, present)] if present else []).take(given["company"]) or companies.named(self.actor, given["company"])
        total = given["sum"]
        return {
            **{name: given[name] for name in COLUMNS}, "stage_id": given["stage"], "lost_reason_id": given["lost_reason"],
            "company_id": company.pk if company else None, "contacts": given["contacts"], "lines": given["lines"],
            "sum_minor": None if total is None else money.minor(total, currency=given["currency"]),
        }  # fmt: skip


def _figure(row: dict[str, str], name: str, *, default: int, most: int) -> Decimal:
    """A figure of a line; raises ValidationError naming the product."""
    text = row[name].rstrip("% ")
    figure = read_decimal(text) if text else Decimal(default)
    if figure is None or abs(figure) > most:
        raise forms.ValidationError(_("In “%(product)s” a figure cannot be read."), params={"product": row["product"]})
    return figure


class LoseForm(forms.Form):
    """Why it was lost."""

    lost_reason = forms.TypedChoiceField(label=_("Reason"), coerce=int, empty_value=None, required=False)
    comment = forms.CharField(label=_("Comment"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lost_reason"].choices = reason_choices()  # type: ignore[attr-defined]


class QuickForm(forms.Form):
    """Two fields in a column (`at`), and which one: that may have gone meanwhile."""

    name = forms.CharField(label=_("Name of the deal"), max_length=250)
    sum = FigureField(label=_("Sum"), required=False)
    stage = forms.TypedChoiceField(label=_("Stage"), coerce=int, error_messages={"invalid_choice": StageGone.sentence})

    def __init__(self, data: QueryDict, *, at: int) -> None:
        given = data.copy()
        given.setdefault("stage", str(at))
        super().__init__(given)
        self.at = at
        self.offer_anew()

    def offer_anew(self) -> None:
        """The stages there are now, of the pipelines in use and of the column's own."""
        board = pipelines.everything()
        own = board.stages[self.at].pipeline_id if self.at in board.stages else None
        offered = [one for one in board.pipelines if one.archived_at is None or one.pk == own]
        self.fields["stage"].choices = [(one.name, [(stage.pk, stage.name) for stage in board.open_of(one.pk)]) for one in offered]  # type: ignore[attr-defined]


class MoveForm(forms.Form):
    """Where to, by keyboard and by thumb."""

    stage = forms.TypedChoiceField(label=_("Stage"), coerce=int, error_messages={"invalid_choice": StageGone.sentence})
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_anew()

    def offer_anew(self) -> None:
        """The stages there are now; a loss has a dialog of its own."""
        board = pipelines.everything()
        lost = {stage.pk for stage in board.stages.values() if stage.kind == StageKind.LOST}
        self.fields["stage"].choices = [(name, [pair for pair in pairs if pair[0] not in lost]) for name, pairs in stage_choices()]  # type: ignore[attr-defined]


