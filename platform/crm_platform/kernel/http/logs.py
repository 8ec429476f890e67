"""Log lines as JSON objects that name request and workspace; no personal data."""

from __future__ import annotations

import json
import logging
import re

from crm_platform.kernel import clock, context

# What the database and the mail server put into their errors: the values of the row, the address of the letter.
_VALUES = re.compile(r"^(DETAIL|CONTEXT|LINE \d+|HINT):.*$", re.MULTILINE)
_ADDRESS = re.compile(r"[^\s@<>'\"(){}\[\],;:=]+@[^\s@<>'\"(){}\[\],;:]+")
_OWN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName", "request"}


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, what is bound, what `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": clock.real_now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": bare(record.getMessage()),
            **context.bound(),
        }
        line.update({name: bare(value) if isinstance(value, str) else value for name, value in record.__dict__.items() if name not in _OWN})
        if record.exc_info:
            line["trace"] = bare(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def bare(text: str) -> str:
    """A text without the e-mail addresses and values that errors of others bring along."""
    return _ADDRESS.sub("…@…", _VALUES.sub(r"\1: …", text))
