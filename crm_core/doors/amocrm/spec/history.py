"""What has changed in the open API, the newest on top. Nothing is taken away within version 4: fields and addresses are added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Entry:
    """A day, and what came on it."""

    on: date
    told: tuple[str | Promise, ...]


ENTRIES = (
    Entry(date(2026, 11, 28), (
        _("POST /oauth2/exchange_api_key: a person’s key for a code, which is sent to the redirect address of the integration."),
        _("with=total counts a list; the header X-Ignored names what of a question is not known; webhooks tell of notes on customers."),
        _("A new lead names its source by _embedded.source; with=source and with=source_id tell it."),
        _("Tags of leads have a colour of amoCRM’s palette; a task keeps its duration; fields are listed by order[sort] and order[id]."),
        _("An incoming lead is put to a customer by /leads/unsorted/{uid}/link; one that is decided tells its company and all its contacts, to webhooks too."),
        _("Events are found by what stood there: filter[value_before][value] and filter[value_after][value]."),
        _("Lists of events, tasks, notes, incoming leads and customers carry a cursor in their next address, as records do: nothing is skipped or told twice."),
        _("The price of a lead without a sum is 0, and filter[price] goes by prices as they are told; a choice that a field does not have is refused."),
        _("A task is put on another record by entity_type and entity_id."),
        _("Fields of the type date_time are filtered by, from and to; a value that is no moment is refused. The text of a task may have 5000 letters."),
        _("Files, elements, catalogs, talks, people, roles, tags and widgets carry a cursor in their next address, too."),
    )),
    Entry(date(2026, 11, 27), (
        _("The specification tells the shape of every body and answer, each filter, and what “with” may ask for."),
        _("A body larger than 5 MB is refused with 413 as a problem."),
        _("A Python program and a workflow for n8n can be fetched from this page."),
        _("POST /test_workspaces gives a workspace with examples to try things out in, for 30 days."),
    )),
    Entry(date(2026, 11, 26), (
        _("Catalogs, customers, webhooks, sources, templates, talks, calls, short links and files."),
        _("The feed of changes: GET /changes?since= never skips one."),
    )),
    Entry(date(2026, 11, 25), (_("The API opens: leads, contacts, companies, tasks, notes, pipelines, fields, people and events."),)),
)  # fmt: skip
