"""The run itself: health, chunked bodies, a port in use, a foreign folder, a second start, nothing left behind."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, Run, clean_environment, demo_login
from .processes import MARKS, children_of, run_on

pytestmark = pytest.mark.browser
UP = [sys.executable, "-m", "crm_platform.config.embedded.up", "--no-demo"]


def ask(port: int, method: str, path: str, *, host: str = "localhost", body: object = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body=body, headers={"Host": host, **(headers or {})}, encode_chunked=bool(headers and "Transfer-Encoding" in headers))
    answer = connection.getresponse()
    status, content = answer.status, answer.read()
    connection.close()
    return status, content


def test_health_answers_for_any_host(up: Run) -> None:
    for path in ("/healthz", "/healthz/live", "/healthz/ready"):
        status, body = ask(up.port, "GET", path, host="anything.example")
        assert (status, json.loads(body)["status"]) == (200, "ok")


def test_a_chunked_body_is_read_whole(up: Run) -> None:
    """The body arrives in pieces; the form's token is missing, so it is refused as a form, not as an empty request."""
    status, _body = ask(up.port, "POST", "/webhooks/in/nobody", body=iter([b"a=1", b"&b=2"]), headers={"Transfer-Encoding": "chunked"})
    assert status == 404
    status, _body = ask(up.port, "POST", "/language", body=iter([b"language=nl", b"&next=/prices"]), headers={"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"})
    assert status == 403


def test_the_command_line_finds_the_running_servers(up: Run) -> None:
    made = up.crm("create-workspace", "--name", "By Command", "--slug", "by-command", "--email", "c@by-command.example", "--password-stdin", "--plan", "team", given="a-long-enough-sentence-7\n")
    assert made["slug"] == "by-command"
    assert "by-command" in [row["slug"] for row in up.crm("list-workspaces")]
    token = up.crm("create-token", "--workspace", "by-command", "--email", "c@by-command.example")["token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["workspace"] == made["public_id"]
    assert up.crm("set-plan", "--workspace", "by-command", "--plan", "free")["plan"] == "free"
    assert up.crm("funnel", "--workspace", "by-command")["deals"] == 0
    table = up.data.parent / "deals.csv"
    table.write_text("Deal;Stage;Amount\nShelves;Won;100\nTables;Brand new;50,5\nBad;Won;x\n")
    dry = up.crm("import", "--workspace", "by-command", "--file", str(table), "--dry-run")
    assert (dry["rows"], dry["created"], len(dry["errors"])) == (3, 0, 1)
    found = up.crm("import", "--workspace", "by-command", "--file", str(table))
    assert (found["created"], found["entities"]["deals"], found["errors"][0]["row"]) == (2, 2, 4)
    assert up.crm("funnel", "--workspace", "by-command")["won"] == {"count": 1, "sum": 100}
    undone = up.crm("import-undo", "--workspace", "by-command", "--import", str(found["import_id"]))
    assert undone["binned"] == {"deal": 2}
    assert up.crm("funnel", "--workspace", "by-command")["deals"] == 0
    gone = up.crm("delete-workspace", "--workspace", "by-command", "--yes")
    assert gone["erased"] == "by-command"
    assert gone["counts"]["tables"] > 0


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([*UP, "--port", str(port), "--data", str(tmp_path / "d")], capture_output=True, text=True, env=clean_environment(), cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == f"Port {port} is in use by another program. Stop it, or choose another with --port."


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_what_is_no_port_is_one_sentence(port: str, tmp_path: Path) -> None:
    done = subprocess.run([*UP, f"--port={port}", "--data", str(tmp_path / "data")], capture_output=True, text=True, env=clean_environment(), cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 2
    assert "choose one from 1 to 65535" in done.stderr
    assert "Traceback" not in done.stderr


def test_letters_files_and_the_queue_are_for_the_program_s_user_alone(up: Run) -> None:
    for name in ("mail", "files", "redis"):
        assert (up.data / name).stat().st_mode & 0o077 == 0, name


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "letters"
    foreign.mkdir()
    (foreign / "dear.txt").write_text("dear")
    done = subprocess.run([*UP, "--port", "18999", "--data", str(foreign)], capture_output=True, text=True, env=clean_environment(), cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert [path.name for path in foreign.iterdir()] == ["dear.txt"]


def test_a_folder_in_use_is_one_sentence(up: Run) -> None:
    done = subprocess.run([*UP, "--port", "18998", "--data", str(up.data)], capture_output=True, text=True, env=clean_environment(), cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def started(data: Path, port: int, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([*UP, "--port", str(port), "--data", str(data), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment(), cwd=ROOT)
    for line in process.stdout or ():
        if "Ctrl-C" in line:
            return process
    raise AssertionError("it did not start")


def test_a_database_that_falls_over_comes_back_and_nobody_sees_more_than_a_sentence(up: Run) -> None:
    host = demo_login(up)[0].split("/")[2].partition(":")[0]
    assert ask(up.port, "GET", "/account/login/", host=host)[0] == 200
    os.kill(int((up.data / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    seen, until = [], time.monotonic() + 40
    while time.monotonic() < until:
        status, page = ask(up.port, "GET", "/account/login/", host=host)
        seen.append(status)
        assert status in (200, 503), status
        assert b"Traceback" not in page
        if len(seen) > 4 and seen[-3:] == [200, 200, 200]:
            break
        time.sleep(0.5)
    assert seen[-1] == 200, seen
    for _again in range(20):
        health = json.loads(ask(up.port, "GET", "/healthz")[1])
        if health["status"] == "ok":
            break
        time.sleep(1)
    assert health["status"] == "ok", health


def test_each_process_that_is_killed_is_started_again(up: Run) -> None:
    """All but the database at once; it has a test of its own."""
    parent = run_on(up.data)
    before = children_of(parent)
    killed = {name: number for name, number in before.items() if name != "postgres"}
    assert set(before) == set(MARKS)
    for number in killed.values():
        os.kill(number, signal.SIGKILL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        now = children_of(parent)
        if set(now) == set(MARKS) and not set(now.values()) & set(killed.values()) and _healthy(up.port):
            return
        time.sleep(0.3)
    raise AssertionError((before, now))


def _healthy(port: int) -> bool:
    try:
        return bool(json.loads(ask(port, "GET", "/healthz")[1])["status"] == "ok")
    except (OSError, ValueError):
        return False


def test_a_killed_run_starts_again_with_everything(tmp_path_factory) -> None:
    import shutil
    import tempfile

    data = Path(tempfile.mkdtemp(prefix="kartoteka-kill-"))
    data.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = Run(port, data / "d", "")
    first = started(data / "d", port)
    run.crm("create-workspace", "--name", "Survivor", "--slug", "survivor", "--email", "s@survivor.example", "--password-stdin", given="a-long-enough-sentence-7\n")
    first.send_signal(signal.SIGKILL)
    first.wait()
    if first.stdout:
        first.stdout.close()
    time.sleep(3)
    second = started(data / "d", port)
    try:
        assert "survivor" in [row["slug"] for row in run.crm("list-workspaces")]
    finally:
        second.send_signal(signal.SIGINT)
        second.wait(timeout=60)
        if second.stdout:
            second.stdout.close()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    shutil.rmtree(data, ignore_errors=True)
