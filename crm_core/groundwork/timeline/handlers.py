"""What the journal says of events that stand on no card: people, roles, the plan, pipelines, fields, imports, archives.

One table for all of them: they are told, and only told, in the journal. A slice whose events stand on cards
registers its own sentences (`describing.describes`).
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_platform.accounts import directory
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill
from tenants.lifecycle.billing_state import LABELS as STATES

from . import money  # noqa: F401  (registers its sentences)
from .describing import Entry, actor, describes

# {name} is the thing's own name, or the person's; one left out is a thing that had none.
_TOLD: dict[str, tuple[str, Any]] = {
    "person.joined": ("user", gettext_lazy("{name} works here now")),
    "person.added": ("user-plus", gettext_lazy("{who} put {name} on the list of people")),
    "person.invited": ("mail", gettext_lazy("{who} invited {name}")),
    "person.changed": ("user", gettext_lazy("{who} changed what {name} is here")),
    "person.deactivated": ("lock", gettext_lazy("{who} took the access of {name} away")),
    "role.changed": ("lock", gettext_lazy("{who} changed the rights of a role")),
    "group.added": ("users", gettext_lazy("{who} added the group {name}")),
    "token.made": ("key-round", gettext_lazy("{who} made the token {name}")),
    "token.revoked": ("key-round", gettext_lazy("{who} revoked a token")),
    "integration.made": ("plug-zap", gettext_lazy("{who} made the integration {name}")),
    "integration.changed": ("plug-zap", gettext_lazy("{who} changed the integration {name}")),
    "integration.secret_rotated": ("key-round", gettext_lazy("{who} gave the integration {name} a new secret")),
    "integration.paused": ("pause", gettext_lazy("{who} paused the integration {name}")),
    "integration.resumed": ("play", gettext_lazy("{who} let the integration {name} go on")),
    "integration.revoked": ("ban", gettext_lazy("{who} revoked the integration {name}")),
    "integration.granted": ("check", gettext_lazy("{who} let the integration {name} in")),
    "integration.refused": ("x", gettext_lazy("{who} did not let the integration {name} in")),
    "integration.grant_ended": ("x", gettext_lazy("{who} took back what somebody had given the integration {name}")),
    "integration.handed_over": ("users", gettext_lazy("What {former} had given to integrations goes on in the name of {name}")),
    "integration.token_made": ("key-round", gettext_lazy("{who} made a long-lived token of the integration {name}")),
    "integration.token_ended": ("key-round", gettext_lazy("{who} ended a token of the integration {name}")),
    "integration.undo_asked": ("undo-2", gettext_lazy("{who} has what the integration {name} wrote undone")),
    "integration.undone": ("undo-2", gettext_lazy("{who}: what the integration {name} wrote was undone; {restored} put back, {kept} kept")),
    "preferences.changed": ("settings", gettext_lazy("{who} changed the settings of the firm")),
    "plan.changed": ("gauge", gettext_lazy("{who} changed the plan from {before} to {after}")),
    "billing.state_changed": ("gauge", gettext_lazy("How the plan stands changed from “{state_before}” to “{state_after}”")),
    "billing.leads_opened": ("gauge", gettext_lazy("What came in meanwhile is here now: {created}")),
    "record.returned": ("undo-2", gettext_lazy("{who} took {name} back out of an earlier copy")),
    "workspace.put_back": ("undo-2", gettext_lazy("{who} put the whole workspace back to {moment}")),
    "workspace.renamed": ("globe", gettext_lazy("{who} changed the workspace’s address to {name}")),
    "workspace.host_added": ("globe", gettext_lazy("{who} added the own address {name}")),
    "workspace.host_removed": ("globe", gettext_lazy("{who} removed the own address {name}")),
    "workspace.host_changed": ("globe", gettext_lazy("The records of the own address {name} changed")),
    "workspace.moved": ("database", gettext_lazy("{who} moved the workspace to another database")),
    "workspace.leaving": ("log-out", gettext_lazy("{who} let the workspace go")),
    "workspace.returned": ("undo-2", gettext_lazy("{who} took the workspace back")),
    "workspace.suspended": ("lock", gettext_lazy("{who} suspended the workspace")),
    "workspace.lifted": ("undo-2", gettext_lazy("{who} opened the workspace again")),
    "hook.added": ("radio-tower", gettext_lazy("{who} added the webhook to {name}")),
    "hook.changed": ("radio-tower", gettext_lazy("{who} changed what the webhook to {name} is told")),
    "hook.removed": ("trash-2", gettext_lazy("{who} removed the webhook to {name}")),
    "hook.enabled": ("radio-tower", gettext_lazy("{who} switched the webhook to {name} on")),
    "hook.disabled": ("circle-alert", gettext_lazy("{who} switched the webhook to {name} off")),
    "hook.secret_changed": ("key-round", gettext_lazy("{who} gave the webhook to {name} a new secret")),
    "hook.tried_out": ("send", gettext_lazy("{who} sent a test to {name}")),
    "hook.replayed": ("history", gettext_lazy("{who} had {events} events sent to {name} again")),
    "incoming.received": ("inbox", gettext_lazy("{who}: the incoming lead {name} was received")),
    "incoming.given": ("arrow-right-left", gettext_lazy("{who} gave the incoming lead {name} to someone")),
    "incoming.rerouted": ("arrow-right-left", gettext_lazy("{who}: nobody took the incoming lead {name} in time, so it went on")),
    "incoming.call_told": ("phone", gettext_lazy("{who} told how the call of {name} went on")),
    "incoming.handed_over": ("arrow-right-left", gettext_lazy("{who} handed incoming leads over")),
    "incoming.declined": ("x", gettext_lazy("{who} declined the incoming lead {name}")),
    "incoming.put_back": ("undo-2", gettext_lazy("{who} put the declined lead {name} back")),
    "lead_source.added": ("inbox", gettext_lazy("{who} added the source of leads {name}")),
    "lead_source.changed": ("inbox", gettext_lazy("{who} changed a source of leads")),
    "lead_source.archived": ("archive", gettext_lazy("{who} archived a source of leads")),
    "lead_source.revived": ("undo-2", gettext_lazy("{who} took a source of leads into use again")),
    "lead_source.lines_changed": ("phone", gettext_lazy("{who} changed whose the lines of {name} are")),
    "lead_source.key_changed": ("key-round", gettext_lazy("{who} gave the source of leads {name} a new key")),
    "lead_rule.added": ("arrow-right-left", gettext_lazy("{who} added a rule for incoming leads")),
    "lead_rule.moved": ("arrow-right-left", gettext_lazy("{who} moved a rule for incoming leads")),
    "lead_rule.removed": ("trash-2", gettext_lazy("{who} removed a rule for incoming leads")),
    "lead_form.changed": ("pencil", gettext_lazy("{who} changed the form {name}")),
    "lead_form.published": ("send", gettext_lazy("{who} published the form {name}")),
    "file.renamed": ("file-text", gettext_lazy("{who} renamed a file to {name}")),
    "role.added": ("users", gettext_lazy("{who} added the role {name}")),
    "role.removed": ("trash-2", gettext_lazy("{who} removed the role {name}")),
    "pipeline.added": ("square-kanban", gettext_lazy("{who} added the pipeline {name}")),
    "pipeline.changed": ("square-kanban", gettext_lazy("{who} changed the pipeline {name}")),
    "pipeline.deleted": ("trash-2", gettext_lazy("{who} deleted the pipeline {name}")),
    "pipeline.stages_chosen": ("square-kanban", gettext_lazy("{who} gave the pipeline {name} the stages of a trade")),
    "pipeline.stages_taken_back": ("undo-2", gettext_lazy("{who} gave the pipeline {name} its former stages back")),
    "stage.added": ("square-kanban", gettext_lazy("{who} added the stage {name}")),
    "stage.changed": ("square-kanban", gettext_lazy("{who} changed the stage {name}")),
    "stage.moved": ("square-kanban", gettext_lazy("{who} moved a stage")),
    "stage.deleted": ("trash-2", gettext_lazy("{who} deleted the stage {name}")),
    "deal.all_moved": ("arrow-right-left", gettext_lazy("{who} moved all deals of a stage ({deals})")),
    "reason.added": ("thumbs-down", gettext_lazy("{who} added the reason {name}")),
    "reason.changed": ("thumbs-down", gettext_lazy("{who} changed a reason for losing")),
    "field.added": ("pencil", gettext_lazy("{who} added the field {name}")),
    "field.changed": ("pencil", gettext_lazy("{who} changed the field {name}")),
    "tag.renamed": ("pencil", gettext_lazy("{who} renamed a tag to {name}")),
    "tag.recoloured": ("pencil", gettext_lazy("{who} gave a tag another colour")),
    "field.archived": ("archive", gettext_lazy("{who} archived a field")),
    "field.revived": ("undo-2", gettext_lazy("{who} took a field into use again")),
    "view.saved": ("bookmark", gettext_lazy("{who} saved the view {name}")),
    "view.removed": ("bookmark", gettext_lazy("{who} removed a saved view")),
    "examples.filled": ("sparkle", gettext_lazy("{who} filled the workspace with examples ({created})")),
    "examples.taken_off": ("x", gettext_lazy("{who} took the examples off ({deleted}; kept: {kept})")),
    "import.started": ("upload", gettext_lazy("{who} began to bring in {file}: {rows} rows")),
    "import.done": ("upload", gettext_lazy("{who}: the import is done; {created} created, {updated} updated, {skipped} skipped")),
    "import.cancelled": ("x", gettext_lazy("{who}: the import was cancelled; {created} created, {updated} updated")),
    "import.failed": ("circle-alert", gettext_lazy("{who}: the import failed")),
    "import.undone": ("undo-2", gettext_lazy("{who}: the import was undone")),
    "archive.asked": ("archive", gettext_lazy("{who} had an archive of the workspace made")),
    "archive.made": ("archive", gettext_lazy("{who}: an archive was made; {rows} rows, {files} files")),
    "archive.fetched": ("download", gettext_lazy("{who} fetched an archive of the workspace")),
    "archive.cancelled": ("x", gettext_lazy("{who} cancelled or deleted an archive")),
    "archive.failed": ("circle-alert", gettext_lazy("{who}: an archive could not be made")),
    "archive.unproved": ("circle-alert", gettext_lazy("{who}: the week's archive did not restore")),
    "archive.weekly": ("archive", gettext_lazy("{who} changed whether an archive is kept fresh")),
    "workspace.restored": ("undo-2", gettext_lazy("{who}: the workspace was taken in from its archive; {rows} rows, {files} files")),
}


_FACTS = ("file", "rows", "files", "deals", "created", "updated", "skipped", "deleted", "kept", "moment", "events", "restored", "former")


@describes(*_TOLD)
def told(event: Event) -> Entry:
    """One line of the table."""
    icon, sentence = _TOLD[event.name]
    facts = {name: event.after.get(name, "–") for name in _FACTS}
    before, after = (plan.get("plan", "–") for plan in (event.before, event.after))
    states = {f"state_{when}": str(STATES.get(told.get("state", ""), "–")) for when, told in (("before", event.before), ("after", event.after))}
    return Entry(event, icon, fill(str(sentence), who=actor(event), name=_name(event), before=before, after=after, **states, **facts))


def _name(event: Event) -> str:
    if event.entity == "person" and not event.name.startswith("token"):
        return directory.name_of(event.record_id) or str(event.after.get("name", "–"))
    known = event.after.get("name") or event.before.get("name")
    return _("“%(name)s”") % {"name": known} if known else "–"
