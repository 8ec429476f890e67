"""Whose the telephone lines and extensions of a source are: so that a call which names one comes up at the pages of that person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.ordering import fold
from crm_core.people import reaching
from crm_platform.accounts import directory
from crm_platform.events.backbone import emit
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

from . import calls, ringing, sources
from .models import LeadLine, LeadSource, SourceKind

MOST, LONGEST = 200, 60
# From so many digits on it is a number of the network, which may be written with its country or without; below it is an extension.
_NUMBER = 7
_SCHEME = re.compile(r"^(sips?|tel):", re.IGNORECASE)


def key_of(line: str) -> str:
    """A line as it is compared: the digits of a number, else what stands there (an extension, the name before the @), folded and without blanks."""
    plain = _SCHEME.sub("", line.strip()).partition("@")[0].partition(";")[0]
    if _is_number(plain):
        return reaching.digits(reaching.read_phone(plain, reaching.country()))[:LONGEST]
    return fold(re.sub(r"\s+", "", plain))[:LONGEST]


def _is_number(text: str) -> bool:
    return len(re.sub(r"\D", "", text)) >= _NUMBER and not re.search(r"[^\W\d_]", text)


def _keys(line: str) -> list[str]:
    """The keys that a line may have here, as an exchange writes it."""
    own = key_of(line)
    return [own, *(key.partition(":")[2] for key in reaching.keys_of_call(own) if _is_number(own))] if own else []


def of_source(source: LeadSource) -> list[LeadLine]:
    """The lines of a source, as they were written."""
    return list(LeadLine.objects.filter(source=source))


def set_lines(actor: Actor, pk: int, rows: Sequence[tuple[str, int | None]]) -> None:
    """Say which lines of a source of calls are whose: (line, person's id), all of them at once. Raises Forbidden, NotFound, Invalid.

    Who has left stays where they stood, and is nobody's new choice.
    """
    source = sources.locked(actor, pk)
    present = of_source(source)
    before = [(one.line, one.person_id) for one in present]
    wanted = _checked(source, rows, kept={(one.key, one.person_id) for one in present})
    after = [(one.line, one.person_id) for one in wanted]
    if before == after:
        return
    LeadLine.objects.filter(source=source).delete()
    LeadLine.objects.bulk_create(wanted)
    if wanted:
        ringing.expected()
    emit(actor, "lead_source.lines_changed", entity="lead_source", record_id=pk, before={"lines": [list(one) for one in before]}, after={"name": source.name, "lines": [list(one) for one in after]}, also=["workspace:1"])


def _checked(source: LeadSource, rows: Sequence[tuple[str, int | None]], *, kept: set[tuple[str, int]]) -> list[LeadLine]:
    if source.kind != SourceKind.CALLS:
        raise Invalid(fields={"lines": [_("Only a source of calls has lines.")]})
    if len(rows) > MOST:
        raise Invalid(fields={"lines": [_("At most %(most)s of these.") % {"most": MOST}]})
    here, made, errors = {one for one, _name in directory.choices()}, dict[str, LeadLine](), []
    for line, person in rows:
        text, key = " ".join(line.split()), key_of(line)
        if not key or len(text) > LONGEST:
            errors.append(str(_("“{line}” is no line: write a number or an extension of at most {most} letters.")).format(line=text[:LONGEST], most=LONGEST))
        elif key in made:
            errors.append(str(_("“{line}” stands there twice.")).format(line=text))
        elif person is None or (person not in here and (key, person) not in kept):
            errors.append(str(_("Choose whose the line “{line}” is, among those who work here.")).format(line=text))
        else:
            made[key] = LeadLine(source=source, line=text, key=key, person_id=person)
    if errors:
        raise Invalid(fields={"lines": errors})
    return list(made.values())


def _whose(source: LeadSource, named: Sequence[str]) -> list[int | None]:
    """Whose each of these lines is, in one statement; None for one that is nobody's."""
    keys = [_keys(line) for line in named]
    asked = [key for each in keys for key in each]
    found = dict(LeadLine.objects.filter(source=source.pk, key__in=asked).values_list("key", "person_id")) if asked else {}
    return [next((found[key] for key in each if key in found), None) for each in keys]


def told(source: LeadSource, call: Mapping[str, str], *, number: str, over: bool = False) -> None:
    """What an exchange tells of a call (`calls.told`) at the pages of whose line it names: the card comes up, is left to who took it, or goes.

    An extension is asked before the number that was called. `number` is what makes all that is told of the call one; `over` says that it had ended
    before. A line that is nobody's rings nowhere. Inside a unit.
    """
    uid = hashlib.sha256(f"{source.pk}:{number}".encode(errors="replace")).hexdigest()[:32]
    colleague, *asked = _whose(source, [call["from"], call["extension"], call["to"]])
    person = next((one for one in asked if one is not None), None)
    if calls.is_over(call):
        # Of several telephones that ring each tells by itself that nobody took it there.
        ringing.hush(uid, only=person if calls.is_missed(call) else None)
        if not call["call_id"]:
            ringing.end([call["from"]])
    elif person is not None and not over and not calls.is_outgoing(call):
        if calls.is_answered(call):
            ringing.hush(uid, but=person)
        elif colleague is None:
            ringing.ring([person], call["from"], uid=uid)
