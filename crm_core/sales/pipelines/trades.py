"""Stages of a trade: twelve beginnings, in the words of those who work in it. Won and lost are the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import preferences

from .models import Stage

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Colours in the order of the stages, green left to what is won; and how far the first and the last open stage are from it.
HUES = (1, 2, 3, 4, 5, 7, 8)
LEAST, MOST = 10, 80


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade and the names of its open stages."""

    code: str
    name: str | _StrPromise
    stages: tuple[str | _StrPromise, ...]

    def named(self) -> list[str]:
        """The stages' names in the firm's language: they become data that all of the firm reads."""
        with translation.override(preferences.here().language):
            return [str(stage) for stage in self.stages]

    def rows(self) -> list[dict[str, str | int]]:
        """The stages as they are written: name, colour, probability rising evenly, the usual patience."""
        names = self.named()
        step = (MOST - LEAST) / max(1, len(names) - 1)
        return [{"name": name, "hue": HUES[at % len(HUES)], "probability": round((LEAST + step * at) / 5) * 5, "idle_days": 14} for at, name in enumerate(names)]


TRADES = (
    Trade("joinery", _("Joinery and interiors"), (_("New enquiry"), _("Measuring"), _("Drawing and quote"), _("Changes"), _("Deposit"))),
    Trade("wholesale", _("Wholesale"), (_("New enquiry"), _("Assortment and prices"), _("Trial order"), _("Contract"))),
    Trade("repair", _("Repair"), (_("Request"), _("Diagnosis"), _("Price agreed"), _("In repair"), _("Ready for collection"))),
    Trade("clinic", _("Clinic"), (_("New patient"), _("Appointment made"), _("Consultation"), _("Treatment plan"), _("In treatment"))),
    Trade("real-estate", _("Real estate"), (_("New client"), _("Selection"), _("Viewings"), _("Offer"), _("Paperwork"))),
    Trade("agency", _("Agency"), (_("New brief"), _("Meeting"), _("Idea and estimate"), _("Presentation"), _("Contract"))),
    Trade("education", _("Education"), (_("Application"), _("Consultation"), _("Trial lesson"), _("Agreement"), _("Waiting for payment"))),
    Trade("events", _("Events"), (_("New enquiry"), _("Date and venue"), _("Programme and estimate"), _("Deposit"), _("Preparation"))),
    Trade("shop", _("Online shop"), (_("New order"), _("Confirmed"), _("Waiting for payment"), _("Packing"), _("On its way"))),
    Trade("consulting", _("Services and consulting"), (_("New enquiry"), _("First talk"), _("Needs are clear"), _("Proposal"), _("Agreeing terms"))),
    Trade("construction", _("Construction"), (_("New enquiry"), _("Site visit"), _("Estimate"), _("Tender"), _("Contract"))),
    Trade("software", _("IT and software"), (_("New enquiry"), _("Demonstration"), _("Trial"), _("Proposal"), _("Security and legal"), _("Contract"))),
)  # fmt: skip
SHOWN = 9


def find(code: str) -> Trade | None:
    """A trade by its code."""
    return next((trade for trade in TRADES if trade.code == code), None)


def of(stages: Sequence[Stage]) -> Trade | None:
    """The trade whose stages these are, if they still bear its names."""
    names = [stage.name for stage in stages]
    return next((trade for trade in TRADES if trade.named() == names), None)
