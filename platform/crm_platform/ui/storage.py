"""Static files as they are served: hashed names, far-future caching, one style sheet.

The sources are many small files held together by `@import ... layer(...)`. When they are collected, app.css takes them
in, so that a cold browser makes one request instead of forty. No tool outside Python is needed for it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile

_IMPORT = re.compile(r'@import url\("([^"]+)"\) layer\((\w+)\);')
_URL = re.compile(r'url\("(\.\.?/[^"]+)"\)')
SHEET = "ui/css/app.css"


class StaticStorage(ManifestStaticFilesStorage):
    """Django's manifest storage, with relative imports of modules rewritten too."""

    support_js_module_import_aggregation = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses: dict[str, str] = {}

    def url(self, name: str, force: bool = False) -> str:  # type: ignore[override]  # the stubs of the two bases disagree
        """The address of a file, made once a process: the manifest does not change under a running server."""
        address = self._addresses.get(name)
        if address is None:
            address = super().url(name, force)
            if self.manifest_hash:
                self._addresses[name] = address
        return address

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Take the imported sheets into the one, then hash everything."""
        if SHEET in paths and not dry_run:
            # From its source: an earlier collection left the whole sheet here, which would keep the styles of the release before.
            found, path = paths[SHEET]
            with found.open(path) as file:
                text = file.read().decode()
            whole = _IMPORT.sub(self._taken_in, text)
            self.delete(SHEET)
            self._save(SHEET, ContentFile(whole.encode()))  # type: ignore[attr-defined]  # the stubs leave it out
            # Collected sources lie where they were found; the one sheet lies here.
            paths[SHEET] = (self, SHEET)
        yield from super().post_process(paths, dry_run, **options)

    def _taken_in(self, found: re.Match[str]) -> str:
        path, layer = found.groups()
        full = posixpath.join(posixpath.dirname(SHEET), path)
        with self.open(full) as file:
            text = file.read().decode()
        moved = _URL.sub(lambda url: f'url("{_relative(full, url.group(1))}")', text)
        return f"@layer {layer} {{\n{moved}}}"


def _relative(sheet: str, target: str) -> str:
    """A relative address in an imported sheet, as seen from the one sheet."""
    absolute = posixpath.normpath(posixpath.join(posixpath.dirname(sheet), target))
    return posixpath.relpath(absolute, posixpath.dirname(SHEET))
