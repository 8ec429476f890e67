"""What the documentation gives out works as it stands: the program in Python, the workflow of n8n, the pages."""

from __future__ import annotations

import contextlib
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from crm_core.doors.amocrm.spec import recipes
from tests.doors import shapes
from tests.doors.conftest import Program

PAGES = ("/api/docs", "/api/docs/from-amocrm", "/api/docs/example.py", "/api/docs/n8n.json")


def test_the_python_program_runs_as_it_is_given_out(api: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(request: Any, timeout: int) -> Any:
        assert timeout
        path = request.full_url.removeprefix("https://firm.example")
        answer = api.client.generic(request.method, path, request.data or b"", content_type="application/json", headers=dict(request.headers))
        assert answer.status_code < 300, (request.method, path, answer.content)
        shapes.check(request.method, path, answer)
        return contextlib.nullcontext(SimpleNamespace(read=lambda: answer.content))

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setenv("KARTOTEKA", "https://firm.example")
    monkeypatch.setenv("TOKEN", api.token)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(recipes.python(), "example.py", "exec"), {"__name__": "__main__"})  # noqa: S102 (our own program)
    told = json.loads(printed.getvalue())
    lead = api.get(f"leads/{told['lead']}?with=contacts").json()
    assert (lead["name"], lead["price"], told["contact"], len(lead["_embedded"]["contacts"])) == ("Kitchen in oak", 4200, "Anna Jansen", 1)
    assert told["changes"] >= 3


def test_the_workflow_of_n8n_asks_what_there_is(api: Program) -> None:
    """Its nodes are n8n's, joined; each address is one of ours, and the body it draws is taken."""
    flow = json.loads(recipes.n8n("https://firm.example"))
    nodes = {node["name"]: node for node in flow["nodes"]}
    assert {node["type"] for node in nodes.values()} == {"n8n-nodes-base.webhook", "n8n-nodes-base.httpRequest"}
    for source, ways in flow["connections"].items():
        assert source in nodes
        assert all(one["node"] in nodes for way in ways["main"] for one in way)
    for node in nodes.values():
        if node["type"].endswith("httpRequest"):
            path = re.sub(r"{{.*?}}", "1", node["parameters"]["url"].removeprefix("=")).removeprefix("https://firm.example")
            assert shapes.operation_of(node["parameters"]["method"], path) is not None, path
    made = api.post("leads/complex", [{"name": "A", "_embedded": {"contacts": [{"name": "Anna", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+31205550142", "enum_code": "WORK"}]}]}]}}])
    assert api.post(f"leads/{made.json()[0]['id']}/notes", [{"note_type": "common", "params": {"text": "A"}}]).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_for_everyone_and_linked_from_the_settings(doors: Any, path: str) -> None:
    for client in (doors.client(email=None), doors.client()):
        assert client.get(path).status_code == 200
    assert doors.client(email=None).post(path).status_code in (403, 405)
    assert "/api/docs" in doors.client().get("/settings/integrations").content.decode()
    shown = doors.client(email=None).get("/api/docs").content.decode()
    assert all(one in shown for one in PAGES[1:])
