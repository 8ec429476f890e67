"""SQL in Python: every literal that is a statement keeps to the rules of statements, where its code runs in a workspace."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from . import reading, statements
from .findings import Finding

ROOTS = ("platform/crm_platform", "tenants", "billing", "webhooks", "crm_core")
# Path → why its statements never meet a workspace's tables on Citus.
ALLOWED = {
    "platform/crm_platform/db/rules/": "the rules themselves",
    "platform/crm_platform/kernel/effort.py": "a unit's limit on waiting for a lock goes along to the workers, as db/base.py sees to",
    "tenants/carrying/": "the keeper copies rows through the coordinator, which alone reads and writes them as text and builds what is local",
    "tenants/provisioning/pool.py": "the keeper's settings are the coordinator's: it alone plans indexes over nothing and keeps the registry's row",
    "tenants/rollout/replay.py": "the keeper's lock timeout goes along to the workers, as engines.py says of its connections",
    "tenants/provisioning/engines.py": "what PostgreSQL and Citus are asked differently",
}  # fmt: skip
_SQL = re.compile(
    r"""[\s(]*(?:WITH\s+(?:RECURSIVE\s+)?\w+.*?\bAS\b|SELECT\s.*(?:\bFROM\b|\()|INSERT\s+INTO\s|UPDATE\s.*\bSET\s|DELETE\s+FROM\s|MERGE\s+INTO\s.*\bUSING\b
    |CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+|EVENT\s+)?(?:TRIGGER|FUNCTION|PROCEDURE|RULE)\s|ALTER\s+TABLE\s|DO\s+(?:\$|'|LANGUAGE\s)|CALL\s+\w+\s*\(
    |SET\s+(?:LOCAL\s+|SESSION\s+)?[\w.]+\s*(?:=|\sTO\s)|SET\s+(?:LOCAL\s+)?TIME\s+ZONE\b|BEGIN\s*;)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def of_house() -> list[Finding]:
    """What is wrong with the SQL in the program's own files."""
    found = []
    for root in ROOTS:
        for path in sorted(Path(settings.ROOT, root).rglob("*.py")):
            name = str(path.relative_to(settings.ROOT))
            if "migrations" not in name and not name.startswith(tuple(ALLOWED)):
                found += of_source(name, path.read_text())
    return found


def of_source(name: str, text: str) -> list[Finding]:
    """What is wrong with the SQL in one file."""
    found = []
    for line, literal in _literals(ast.parse(text)):
        if _SQL.match(literal):
            codes = [code for statement in reading.statements(literal) for code in statements.of_statement(statement)]
            found += [Finding(f"{name}:{line}", f"SQL {' '.join(literal.split())[:70]!r}", code) for code in dict.fromkeys(codes)]
    return found


def _literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a file with its line; what an f-string fills in becomes {}. Texts that stand alone are docstrings."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | alone:
            yield node.lineno, node.value
