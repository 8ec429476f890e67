"""The small forms of a lead that waits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.sales.deals.kind import StageGone
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import directory

from .models import IncomingLead


class AcceptForm(forms.Form):
    """Into which stage, and who answers for it. Without a choice: the source's pipeline, and whom it was given to."""

    stage = forms.TypedChoiceField(label=_("Stage"), coerce=int, required=False, empty_value=None, error_messages={"invalid_choice": StageGone.sentence})
    responsible = forms.TypedChoiceField(label=_("Responsible"), coerce=int, required=False, empty_value=None)
    apart = forms.BooleanField(label=_("Make a new contact, although one is known"), required=False)

    def __init__(self, *args: Any, lead: IncomingLead | None = None, known: bool = False, **kwargs: Any) -> None:
        if lead is not None:
            kwargs["initial"] = {"responsible": lead.responsible_id}
        kwargs["auto_id"] = "accept_%s"
        super().__init__(*args, **kwargs)
        if not known:
            del self.fields["apart"]
        self.offer_anew()

    def offer_anew(self) -> None:
        """The open stages there are now, and who works here."""
        board = pipelines.everything()
        stages = [(one.name, [(stage.pk, stage.name) for stage in board.open_of(one.pk)]) for one in pipelines.active()]
        self.fields["stage"].choices = [("", _("The first one")), *stages]  # type: ignore[attr-defined]
        self.fields["responsible"].choices = [("", _("Me")), *directory.choices()]  # type: ignore[attr-defined]


REASONS = (_("Spam"), _("Not what we do"), _("A test"), _("Has been answered already"), _("Wrong number"))


class DeclineForm(forms.Form):
    """Why nothing comes of it."""

    reason = forms.CharField(label=_("Reason"), required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = "decline_%s"
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.attrs["list"] = "decline-reasons"
