"""Refusals: a sentence with a code and a status, raised beside the rule, rendered in one place (kernel.http)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class CrmError(Exception):
    """A refusal that people and programs can read.

    Subclasses set `code` (stable, for programs), `status` (HTTP) and `sentence` (translatable, with named
    placeholders filled from the keyword facts given at the raise).
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    sentence: ClassVar[str | _StrPromise] = _("Something went wrong.")

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.code)

    @property
    def message(self) -> str:
        """The sentence in the reader's language, with the facts filled in."""
        return str(self.sentence).format(**self.facts)

    def __str__(self) -> str:
        return self.message


class NotFound(CrmError):
    """Not there, or not for this person to know of."""

    code, status = "not_found", 404
    sentence = _("There is nothing at this address, or it is not yours to see.")


class Forbidden(CrmError):
    """The person may see the thing, but not do this to it."""

    code, status = "forbidden", 403
    sentence = _("Your role does not allow this. An administrator of your workspace can change that.")


class NotSignedIn(CrmError):
    """Nobody is logged in."""

    code, status = "not_signed_in", 401
    sentence = _("Log in first.")


class Conflict(CrmError):
    """It does not fit how things stand now: `heading` stands above the sentence on a page."""

    code, status = "conflict", 409
    sentence = _("This changed while you were looking at it. Nothing was saved.")
    heading: ClassVar[str | _StrPromise] = _("This cannot be done as things stand")


class Overtaken(Conflict):
    """Another person was there first."""

    heading = _("Somebody was quicker")


class Invalid(CrmError):
    """What was sent does not make sense; `fields` says where.

    `fields` maps a field's name to its sentences. `at` is the row of many that is meant.
    """

    code, status = "invalid", 422
    at = 0
    sentence = _("Something in the form needs another look.")

    def __init__(self, *, fields: Mapping[str, Sequence[Any]] | None = None, **facts: Any) -> None:
        super().__init__(**facts)
        self.fields = {name: list(sentences) for name, sentences in (fields or {}).items()}

    @property
    def message(self) -> str:
        """The first field's sentence where there is one, else the general one."""
        for sentences in self.fields.values():
            if sentences:
                return str(sentences[0])
        return super().message


class PlanRefusal(CrmError):
    """The plan does not hold more of this; the answer names the way out (design section 6)."""

    code, status = "limit_reached", 402
    sentence = _("{what}: your plan holds {held}, {taken} are used. Nothing was lost; a larger plan takes more.")


class TooMany(CrmError):
    """Asked too often; `retry_after` is in seconds."""

    code, status = "too_many_requests", 429
    sentence = _("Too many tries in a short time. Wait {retry_after} seconds and try again.")


class ReadOnly(CrmError):
    """The workspace may be read, not written, at present."""

    code, status = "read_only", 403
    sentence: ClassVar[str | _StrPromise] = _("The workspace can be read but not changed at present. An administrator sees why in the settings.")


class Unpaid(ReadOnly):
    """The same because a bill is open, or the plan is paused: the answer names the way out."""

    code, status = "unpaid", 402
    heading: ClassVar[str | _StrPromise] = _("At present this can be read, not changed")
    sentence: ClassVar[str | _StrPromise] = "{reason}"


class Unavailable(CrmError):
    """A part we lean on does not answer; the same request may succeed in a moment."""

    code, status = "unavailable", 503
    sentence = _("A part of the service does not answer at the moment. Nothing was lost; try again in a minute.")


class BehindRelease(Unavailable):
    """The workspace is of an earlier release, and a rollout has not reached it yet."""

    code = "behind_release"
    heading = _("Your workspace is being brought up to date")
    sentence = _("This takes a few seconds; the page you asked for opens by itself. Nothing is lost.")


class NoWorkspace(RuntimeError):
    """Code that needs a workspace ran outside of one: a mistake of ours, never a person's."""


class WrongWorkspace(RuntimeError):
    """A second workspace was named inside an open transaction of another: a mistake of ours."""
