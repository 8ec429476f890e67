"""Bodies that work as they stand: what the specification shows, and what the tests send. The record's number is put in its place."""

from __future__ import annotations

from typing import Any

_TILL = 1_900_000_000
_FIELDS = [{"field_code": "PHONE", "values": [{"value": "+31 20 555 01 42", "enum_code": "WORK"}]}, {"field_code": "EMAIL", "values": [{"value": "anna@example.com", "enum_code": "WORK"}]}]
_NOTES = [{"entity_id": 1, "note_type": "common", "params": {"text": "Asked for an offer"}}]

# By method and address; a 1 that stands for a number is exchanged for one that exists.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "leads"): [{"name": "Kitchen in oak", "price": 4200, "_embedded": {"tags": [{"name": "website"}]}, "request_id": "order-17"}],
    ("PATCH", "leads"): [{"id": 1, "price": 4500}],
    ("PATCH", "leads/<int:pk>"): {"status_id": 142, "price": 4500},
    ("POST", "leads/complex"): [{"name": "Kitchen in oak", "price": 4200, "_embedded": {"contacts": [{"first_name": "Anna", "custom_fields_values": _FIELDS}], "companies": [{"name": "Jansen Interiors"}]}}],
    ("POST", "leads/tags"): [{"name": "website"}],
    ("POST", "leads/notes"): _NOTES,
    ("POST", "leads/<int:record_id>/notes"): [{"note_type": "common", "params": {"text": "Asked for an offer"}}],
    ("POST", "contacts"): [{"first_name": "Anna", "last_name": "Jansen", "custom_fields_values": _FIELDS}],
    ("PATCH", "contacts"): [{"id": 1, "last_name": "de Vries"}],
    ("PATCH", "contacts/<int:pk>"): {"last_name": "de Vries"},
    ("POST", "contacts/notes"): _NOTES,
    ("POST", "companies"): [{"name": "Jansen Interiors"}],
    ("PATCH", "companies"): [{"id": 1, "name": "Jansen & Daughters"}],
    ("PATCH", "companies/<int:pk>"): {"name": "Jansen & Daughters"},
    ("POST", "tasks"): [{"text": "Call Anna", "complete_till": _TILL, "task_type_id": 1}],
    ("PATCH", "tasks/<int:pk>"): {"is_completed": True, "result": {"text": "Reached"}},
    ("POST", "leads/pipelines"): [{"name": "Wholesale", "sort": 90, "is_main": False, "is_unsorted_on": True, "_embedded": {"statuses": [{"name": "First talk", "sort": 10, "color": "#99ccff"}]}}],
    ("POST", "leads/loss_reasons"): [{"name": "Too dear", "sort": 10}],
    ("POST", "leads/custom_fields"): [{"name": "Wood", "type": "select", "enums": [{"value": "Oak", "sort": 1}, {"value": "Ash", "sort": 2}]}],
    ("POST", "contacts/custom_fields"): [{"name": "Shoe size", "type": "numeric"}],
    ("POST", "roles"): [{"name": "Guests", "rights": {"leads": {"view": "A", "edit": "D", "add": "D", "delete": "D", "export": "D"}}}],
}  # fmt: skip
