"""An invoice as a PDF, written by hand: one page or more of plain lines."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from .pricing import money
from .shapes import Obj

_PER_PAGE = 44
_LEADING = 16
_CYRILLIC = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюяўқғҳ", ["a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "'", "y", "'", "e", "iu", "ia", "o", "q", "g", "h"], strict=True))


def invoice(row: Obj) -> bytes:
    """The PDF of a finalised invoice."""
    when = datetime.fromtimestamp(row["effective_at"] or row["created"], UTC)
    lines = ["SANDBOX: no real money moves here", "", f"Invoice {row['number']}", f"{when:%d %B %Y}", "", f"To: {row['customer_name'] or row['customer_email'] or row['customer']}"]
    lines += [str(value) for value in (row["customer_address"] or {}).values() if value]
    lines += [f"{one['type']}: {one['value']}" for one in row["customer_tax_ids"] or []]
    lines += [""] + [f"{line['description']}\t{money(line['amount'], row['currency'])}" for line in row["lines"]["data"]] + [""]
    off, tax = sum(one["amount"] for one in row["total_discount_amounts"]), sum(one["amount"] for one in row["total_taxes"])
    lines += [f"{name}\t{money(amount, row['currency'])}" for name, amount in (("Discount", -off), ("Tax", tax)) if amount]
    lines += [f"Total\t{money(row['total'], row['currency'])}", f"Due\t{money(row['amount_due'], row['currency'])}", f"State: {row['status']}"]
    if row["customer_tax_exempt"] == "reverse":
        lines.append("Reverse charge")
    return _document([lines[n : n + _PER_PAGE] for n in range(0, len(lines), _PER_PAGE)])


def _document(pages: list[list[str]]) -> bytes:
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(), b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    for n, lines in enumerate(pages):
        content = b"\n".join(_drawn(line, 780 - _LEADING * at) for at, line in enumerate(lines))
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * n} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _written(objects)


def _drawn(line: str, height: int) -> bytes:
    left, _, right = line.partition("\t")
    found = b"BT /F1 11 Tf 56 %d Td (%s) Tj ET" % (height, _text(left[:80]))
    return found + (b"\nBT /F1 11 Tf 440 %d Td (%s) Tj ET" % (height, _text(right)) if right else b"")


def _text(text: str) -> bytes:
    latin = "".join(_latin(letter) for letter in text)
    return latin.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _latin(letter: str) -> str:
    """The standard fonts know Latin letters alone: others are written in them as well as can be."""
    if letter.lower() in _CYRILLIC:
        found = _CYRILLIC[letter.lower()]
        return found.capitalize() if letter.isupper() else found
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return unicodedata.normalize("NFKD", letter)[:1]
    return letter


def _written(objects: list[bytes]) -> bytes:
    found, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % place for place in places)
    found += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(found)
