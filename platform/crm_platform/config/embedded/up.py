"""`bin/up`: everything on one machine, each step said as it goes, all of it stopped by Ctrl-C."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crm_platform.config import env

from . import children, given, payments, servers, tls, web
from .datafolder import DataFolder, default_folder, explained
from .supervisor import Process, Supervisor
from .trouble import Trouble

CRM = [sys.executable, "-m", "crm_platform.config.cli"]


@dataclass(slots=True)
class Steps:
    """Says what is done and how long it took."""

    started: float = field(default_factory=time.monotonic)

    def say(self, sentence: str) -> None:
        """One line, with the seconds since the start."""
        with suppress(OSError):  # a closed pipe or a full disk under the output must not stop what runs
            sys.stdout.write(f"{time.monotonic() - self.started:6.1f} s  {sentence}\n")
            sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    wished = _arguments().parse_args(argv)
    path = Path(wished.data).expanduser().resolve() if wished.data else default_folder()
    try:
        return _run(wished, path=path, steps=Steps())
    except Trouble as trouble:
        sys.stderr.write(f"{explained(str(trouble), path)}\n")
    except OSError as error:
        sys.stderr.write(f"{explained(f'The data in {path} cannot be used: {error}.', path)}\n")
    except KeyboardInterrupt:
        return 130
    return 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/up", description="Start Kartoteka with all it needs on this machine.")
    parser.add_argument("--port", type=_port, default=8000, help="where the pages are served (8000)")
    parser.add_argument("--data", default=os.environ.get("CRM_DATA", ""), help=f"the data folder ({default_folder()})")
    parser.add_argument("--demo", action=argparse.BooleanOptionalAction, default=True, help="make a workspace with examples")
    parser.add_argument("--workers", type=int, default=2, help="web processes (2)")
    parser.add_argument("--databases", type=int, default=1, help="how many databases the workspaces are spread over (1); those once made stay")
    parser.add_argument("--api-host", default="", metavar="SLUG", help="serve this workspace at 127.0.0.1 too")
    parser.add_argument("--tls-port", type=_port, default=0, metavar="N", help="serve TLS there too, by an authority that lies in the data folder")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; choose one from 1 to 65535")
    return int(text)


def _run(wished: argparse.Namespace, *, path: Path, steps: Steps) -> int:
    for port in filter(None, (wished.port, wished.tls_port)):
        _free(port)
    data = DataFolder.open(path)
    wanted = given.read(data)
    given.check(wanted)
    with ExitStack() as stack:
        started = stack.enter_context(servers.start(data, given=wanted, databases=wished.databases))
        given.remember(data, wanted)
        steps.say(f"yours: {given.places(wanted)}" if given.places(wanted) else f"PostgreSQL and Redis run on {data.path}")
        service = payments.beside(data, wanted)
        ours = started.environment(port=wished.port) | (service.environment() if service else {})
        variables = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in ours} | ours
        variables["DJANGO_SETTINGS_MODULE"] = "crm_platform.config.settings.production"
        if wished.api_host:
            variables["CRM_API_HOST"] = wished.api_host
        servers.remember(data, {name: value for name, value in variables.items() if name in ours} | _api(wished))
        _crm(["bootstrap"], variables, steps=steps, sentence="database brought to this release")
        _crm(["collectstatic", "--noinput", "--verbosity", "0"], variables, steps=steps, sentence="styles and scripts collected")
        supervisor = Supervisor(steps.say, before=lambda: started.revive(steps.say))
        stack.callback(supervisor.stop)
        if service:
            supervisor.add(service.process(public=variables["PUBLIC_URL"]))
        _start_all(supervisor, wished, data=data, variables=variables)
        _until_healthy(wished.port, supervisor)
        steps.say("web server, worker, scheduler and keeper run")
        demo = _demo(variables, steps=steps) if wished.demo else None
        _print_addresses(wished.port, data=data, demo=demo, payments_too=service is not None, tls_port=wished.tls_port)
        supervisor.watch()
        steps.say("stopping")
    steps.say("stopped; everything is kept")
    return 0


def _api(wished: argparse.Namespace) -> dict[str, str]:
    return {"CRM_API_HOST": wished.api_host} if wished.api_host else {}


def _free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Trouble(f"Port {port} is in use by another program. Stop it, or choose another with --port.") from None


def _crm(arguments: list[str], variables: dict[str, str], *, steps: Steps, sentence: str) -> str:
    done = subprocess.run([*CRM, *arguments], env=variables, capture_output=True, text=True, check=False)  # noqa: S603 (our own program)
    if done.returncode != 0:
        raise Trouble(_failed(arguments[0], (done.stderr or done.stdout).strip(), logs=Path(variables["CRM_DATA"]) / "logs"))
    steps.say(sentence)
    return done.stdout


def _failed(step: str, said: str, *, logs: Path) -> str:
    """What a step said, in its last words; a trace goes into a log."""
    if "Traceback (most recent call last)" not in said:
        return f"The step {step} failed: {said[-2000:]}"
    log = logs / f"{step}.log"
    with suppress(OSError):
        log.write_text(f"{said}\n", encoding="utf-8")
    return f"The step {step} failed: {said.splitlines()[-1].strip()}\nIts log is {log}."


def _start_all(supervisor: Supervisor, wished: argparse.Namespace, *, data: DataFolder, variables: dict[str, str]) -> None:
    logs = data.sub("logs")
    # The keeper alone holds the owner's login.
    plain = {name: value for name, value in variables.items() if not name.endswith("OWNER_URL")}
    worker = [sys.executable, "-m", "celery", "-A", "crm_platform.config.celery", "worker", "--pool", "threads", "-c", "4", "-l", "WARNING", "--without-gossip", "--without-mingle"]
    supervisor.add(Process("keeper", [*CRM, "keeper"], variables, logs / "keeper.log"))
    supervisor.add(Process("worker", worker, plain, logs / "worker.log"))
    supervisor.add(Process("scheduler", [*CRM, "scheduler"], plain, logs / "scheduler.log"))
    supervisor.add(Process("web", web.command(bind=f"127.0.0.1:{wished.port}", workers=wished.workers, threads=env.whole("CRM_WEB_THREADS", 8)), plain, logs / "web.log"))
    if wished.tls_port:
        papers = tls.papers(data.sub("tls"), domains=("localhost", *env.words("EXTRA_BASE_DOMAINS")), hosts=[f"{wished.api_host}.localhost"] if wished.api_host else ())
        secured = web.command(bind=f"127.0.0.1:{wished.tls_port}", workers=1, threads=env.whole("CRM_WEB_THREADS", 8), tls=papers)
        supervisor.add(Process("web-tls", secured, plain, logs / "web-tls.log"))


def _until_healthy(port: int, supervisor: Supervisor, *, patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if _healthy(port):
            return
        supervisor.look()
        time.sleep(0.1)
    [process] = [process for process in supervisor.processes if process.name == "web"]
    raise Trouble(f"The web server did not answer. It said:\n{children.last_lines(process.log)}")


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _demo(variables: dict[str, str], *, steps: Steps) -> dict[str, str] | None:
    """How the demo is entered; None where somebody has erased it."""
    printed = _crm(["demo", "--json"], variables, steps=steps, sentence="demo workspace is ready")
    found: dict[str, str] = json.loads(printed.strip().splitlines()[-1])
    return found if found["url"] else None


def _print_addresses(port: int, *, data: DataFolder, demo: dict[str, str] | None, payments_too: bool, tls_port: int) -> None:
    lines = [
        "",
        f"  Kartoteka               http://localhost:{port}",
        f"  Outgoing mail           http://mail.localhost:{port}",
        *([f"  Sandbox payments        http://payments.localhost:{port}"] if payments_too else []),
        *([f"  Demo workspace          {demo['url']}", f"    log in as             {demo['email']}   {demo['password']}"] if demo else []),
        *([f"  Under TLS               https://localhost:{tls_port}   trust {data.path}/tls/authority.pem"] if tls_port else []),
        f"  Data and logs           {data.path}",
        "",
        "  Ctrl-C stops everything; the data stays.",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
