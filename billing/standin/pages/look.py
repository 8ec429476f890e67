"""How the sandbox's pages look: one column, plain forms, a banner that says what this is."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from billing.standin.door import Call, Reply
from billing.standin.errors import ApiError

_STYLE = """
:root { color-scheme: light; --ink: #1b2330; --quiet: #5b6675; --line: #d9dee6; --paper: #fff; --ground: #f4f6f9; --accent: #1f5fbf; --warn: #8a5a00; --warn-ground: #fff3d6; --bad: #a3211c; --good: #17663a; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
.banner { margin: 0; padding: .5rem 1rem; text-align: center; background: var(--warn-ground); color: var(--warn); font-weight: 600; }
main { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
main.wide { max-width: 64rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; margin: 0 0 1rem; }
.cols { display: grid; gap: 0 1rem; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); align-items: start; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: start; padding: .45rem .75rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--quiet); font-size: .875rem; border-top: 0; }
th:last-child, td:last-child { padding-inline-end: 0; }
.num { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.quiet { color: var(--quiet); }
.said { padding: .75rem 1rem; border-radius: .5rem; margin: 0 0 1rem; border: 1px solid var(--line); background: var(--paper); }
.said.bad { border-color: var(--bad); color: var(--bad); }
.said.good { border-color: var(--good); color: var(--good); }
fieldset { border: 0; margin: 0 0 1rem; padding: 0; }
legend, label.name { font-weight: 600; padding: 0; margin: 0 0 .35rem; display: block; }
.choice { display: flex; gap: .6rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 .4rem; cursor: pointer; align-items: baseline; }
.choice:has(:checked) { border-color: var(--accent); background: #eef4fd; }
.choice small { color: var(--quiet); margin-inline-start: auto; white-space: nowrap; }
input[type=text], input[type=email], input[type=number], select { width: 100%; font: inherit; padding: .5rem .65rem; border: 1px solid #8a94a3; border-radius: .4rem; background: var(--paper); color: inherit; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.buttons.side { justify-content: space-between; }
button, .button { font: inherit; font-weight: 600; padding: .55rem 1rem; border-radius: .4rem; border: 1px solid #8a94a3; background: var(--paper); color: inherit; cursor: pointer; text-decoration: none; display: inline-block; }
button.main { background: var(--accent); border-color: var(--accent); color: #fff; }
button:focus-visible, a:focus-visible, input:focus-visible, select:focus-visible, .scroll:focus-visible { outline: 3px solid #9dc1f5; outline-offset: 1px; }
a { color: var(--accent); }
.row { display: flex; gap: .5rem; align-items: end; margin: 0 0 .75rem; flex-wrap: wrap; }
.row > div { flex: 1 1 8rem; }
code { font-size: .875em; white-space: nowrap; }
.row > div.long { flex-basis: 100%; }
@media (max-width: 30rem) { main { margin: 1rem auto; } .card { padding: 1rem; } button, .button { flex: 1 1 auto; text-align: center; } }
"""


def esc(value: object) -> str:
    """A text as it may stand in a page."""
    return escape(str(value if value is not None else ""))


def style(_pages: Any, _call: Call, _form: dict[str, str], _name: str) -> Reply:
    """The look."""
    return Reply(200, _STYLE.encode(), {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=60"})


def page(title: str, body: str, *, status: int = 200, wide: bool = False) -> Reply:
    """A whole page."""
    text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{esc(title)} · Sandbox</title>\n<link rel="stylesheet" href="/style.css">\n</head>\n<body>\n<header><p class="banner">SANDBOX: no real money moves here</p></header>\n'
        f'<main{" class=wide" if wide else ""}>\n<h1>{esc(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n'
    )
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"}
    return Reply(status, text.encode(), headers | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"})


def redirect(url: str) -> Reply:
    """Go there."""
    return Reply(303, b"", {"Location": url.replace("\r", "").replace("\n", ""), "Cache-Control": "no-store"})


def refusal(error: ApiError) -> Reply:
    """A page that says what is wrong."""
    return page("This did not work", said(error.message, kind="bad") + '<p><a href="/">All there is in the sandbox</a></p>', status=error.status)


def said(text: str, *, kind: str = "") -> str:
    """What just happened."""
    return f'<p class="said {kind}" role="status">{esc(text)}</p>\n' if text else ""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: Iterable[int] = (), empty: str = "Nothing yet.") -> str:
    """Rows of cells that are already safe; columns of numbers stand to the right."""
    right = set(numbers)
    lines = [[f'<td{" class=num" if n in right else ""}>{cell}</td>' for n, cell in enumerate(row)] for row in rows]
    if not lines:
        return f'<p class="quiet">{esc(empty)}</p>'
    head = "".join(f'<th scope="col"{" class=num" if n in right else ""}>{esc(name)}</th>' for n, name in enumerate(heads))
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def choices(name: str, legend: str, options: Iterable[tuple[str, str, str]], *, chosen: str) -> str:
    """One of several: value, text, and what stands beside it."""
    rows = [
        f'<label class="choice"><input type="radio" name="{name}" value="{esc(value)}"{" checked" if value == chosen else ""}> <span>{esc(text)}</span> <small>{esc(beside)}</small></label>'
        for value, text, beside in options
    ]
    return f'<fieldset><legend>{esc(legend)}</legend>{"".join(rows)}</fieldset>'


def nothing(_pages: Any, _call: Call, _form: dict[str, str], _name: str) -> Reply:
    """No picture for the tab."""
    return Reply(204, b"", {"Cache-Control": "max-age=86400"})


def button(text: str, *, name: str = "", value: str = "", main: bool = False) -> str:
    """One button of a form."""
    named = f' name="{name}" value="{esc(value)}"' if name else ""
    return f'<button{named}{" class=main" if main else ""}>{esc(text)}</button>'


def field(label: str, name: str, *, kind: str = "text", value: str = "", more: str = "") -> str:
    """One named input."""
    return f'<div><label class="name" for="{name}">{esc(label)}</label><input id="{name}" type="{kind}" name="{name}" value="{esc(value)}" {more}></div>'
