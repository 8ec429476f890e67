"""A plain client that stays logged in: one connection, a Host header, the cookies."""

from __future__ import annotations

import http.client
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode


class Browser:
    """Talks to 127.0.0.1:port as if to `host`."""

    def __init__(self, port: int, host: str) -> None:
        self.port, self.host = port, host
        self.cookies: dict[str, str] = {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, *, host: str = "") -> tuple[int, str, dict[str, str]]:
        """Status, body, headers."""
        headers = {"Host": host or f"{self.host}:{self.port}", "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._answer(method, path, body, headers)
        text = answer.read().decode(errors="replace")
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return answer.status, text, dict(answer.headers)

    def _answer(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        """As browsers do: a connection that the server has closed while it was idle is opened again."""
        try:
            self.connection.request(method, path, body=body, headers=headers)
            return self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.connection.close()
            self.connection.request(method, path, body=body, headers=headers)
            return self.connection.getresponse()

    def get(self, path: str) -> str:
        """The body of a page that must be there."""
        status, text, _headers = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
        return text

    def token(self, page: str) -> str:
        """The form token of a page."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if not found:
            raise RuntimeError("no form token")
        return found.group(1)

    def log_in(self, email: str, password: str) -> None:
        """Through the log-in page."""
        page = self.get("/account/login/")
        status, _text, _headers = self.ask("POST", "/account/login/", {"csrfmiddlewaretoken": self.token(page), "login": email, "password": password})
        if status not in (302, 303):
            raise RuntimeError(f"log-in answered {status}")
