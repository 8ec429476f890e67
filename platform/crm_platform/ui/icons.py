"""Signs of the sprite."""

from __future__ import annotations

import functools

from django.templatetags.static import static
from django.utils.safestring import SafeString

from crm_platform.ui.markup import fill


@functools.cache
def icon(name: str, size: str = "", tone: str = "") -> SafeString:
    """A sign from the sprite, hidden from readers: the word stands beside it or in the button's label. Made once a process."""
    classes = " ".join(filter(None, ("icon", f"icon--{size}" if size else "", tone)))
    return fill('<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, static("ui/icons/icons.svg"), name)
