"""From a firm's name to addresses it may have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .models import Domain
from .reserved import AddressRefused, appearance, check_address

# Scholarly enough to be read aloud: Russian as in passports, Uzbek apostrophes dropped.
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяўқғҳєіїґ",
        ["a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "_", "y", "_", "e", "yu", "ya", "o", "q", "g", "h", "ye", "i", "yi", "g"],
        strict=True,
    )
)
_FORMS = {
    "ooo", "oao", "zao", "ao", "pao", "ip", "llc", "ltd", "inc", "gmbh", "bv", "b-v", "nv", "sarl", "sas", "sa", "mchj", "llp", "plc", "co",
}  # fmt: skip


def slugify(firm: str) -> str:
    """The plain Latin label of a firm's name, its legal form left out; may be empty."""
    text = "".join(_CYRILLIC.get(letter, letter).replace("_", "") for letter in firm.lower())
    text = re.sub("[\u02bb\u02bc\u2018\u2019'`.]", "", text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = [word for word in re.split(r"[^a-z0-9]+", text) if word]
    kept = [word for word in words if word not in _FORMS] or words
    return "-".join(kept)[:40].strip("-")


def _candidates(firm: str, wished: str) -> Iterator[str]:
    base = slugify(firm)
    if base:
        yield base
        yield base.split("-", 1)[0]
    for stem in dict.fromkeys(filter(None, (wished, base, "firm"))):
        for tail in ("crm", "office", "team", "2", "3", "4", "5", "6", "7", "8", "9"):
            yield f"{stem[:34].strip('-')}-{tail}"


def free_addresses(firm: str, *, wished: str = "", count: int = 3) -> list[str]:
    """Up to `count` addresses that may be had, best first. Inside a control unit."""
    possible = []
    for candidate in dict.fromkeys(_candidates(firm, wished)):
        try:
            check_address(candidate)
        except AddressRefused:
            continue
        possible.append(candidate)
    taken = set(Domain.appearances(map(appearance, possible)))
    return [candidate for candidate in possible if appearance(candidate) not in taken][:count]
