"""The colours that programs may give tags, as the amoCRM API has them, and which of our hues comes nearest to each."""

from __future__ import annotations

HUES = {
    "EBEBEB": 1, "D0D0D0": 1, "F2DDF7": 8, "D1A4DC": 8, "FF8F92": 7, "FFC8C8": 7, "C7DB8C": 6, "DDEBB5": 6, "8699DA": 2, "AABDFF": 2, "FFCE5A": 4, "FFE193": 4,
    "90CDB0": 6, "C6F4DE": 6, "A9A5D7": 8, "D8D5FF": 8, "86C0FC": 2, "832161": 7, "6A0F49": 7, "0C7C59": 6, "10599D": 2, "9D2B32": 5, "247BA0": 2,
}  # fmt: skip
