"""Reading a file: which form it is, and its lines of money that came in. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from .incoming import LARGEST, MOST, BadStatement, Incoming, day_of, sum_of

_NAMES = {
    "date": ("date", "booking date", "datum", "boekdatum", "дата", "sana"),
    "amount": ("amount", "credit", "bedrag", "сумма", "приход", "поступление", "montant", "summa", "kirim"),
    "currency": ("currency", "valuta", "munt", "валюта", "devise"),
    "payer": ("name", "payer", "counterparty", "naam", "tegenpartij", "плательщик", "контрагент", "nom", "toʻlovchi"),
    "purpose": ("purpose", "description", "remittance", "omschrijving", "mededeling", "назначение", "назначение платежа", "libellé", "communication", "maqsad"),
    "tax_id": ("tax id", "vat", "btw", "инн", "inn", "stir", "stir/inn"),
    "account": ("account", "iban", "rekening", "счет", "счёт", "compte", "hisob"),
    "external_id": ("reference", "transaction id", "referentie", "номер", "документ", "référence"),
}  # fmt: skip


def read(raw: bytes, *, currency: str = "EUR") -> tuple[str, list[Incoming]]:
    """The form ("1c", "camt", "csv") and what came in. `currency` is the account's where the file names none. Raises BadStatement."""
    if len(raw) > LARGEST:
        raise BadStatement(why="> 10 MB")
    if not raw.strip():
        raise BadStatement(why="0")
    head = raw[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"1CClientBankExchange"):
        form, found = "1c", _read_1c(raw)
    elif head.startswith(b"<"):
        form, found = "camt", _read_camt(raw)
    else:
        form, found = "csv", _read_csv(raw, currency)
    lines = []
    for line in found:
        lines.append(line)
        if len(lines) > MOST:
            raise BadStatement(why=f"> {MOST}")
    return form, lines


def _read_1c(raw: bytes) -> Iterator[Incoming]:
    text = _text_of_1c(raw)
    if "КонецФайла" not in text:
        raise BadStatement(why="КонецФайла")
    own = set(re.findall(r"^РасчСчет=(\S+)", text, re.M))
    for section in re.findall(r"^СекцияДокумент=.*?^КонецДокумента", text, re.M | re.S):
        values = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
        values = {name.strip(): value.strip() for name, value in values.items()}
        receiver = values.get("ПолучательСчет") or values.get("ПолучательРасчСчет", "")
        if not values.get("ДатаПоступило") and receiver not in own:
            continue
        amount = sum_of(values.get("Сумма", ""), "RUB")
        if amount > 0:
            yield Incoming(
                day_of(values.get("ДатаПоступило") or values.get("Дата", "")), amount, "RUB", values.get("НазначениеПлатежа", ""), values.get("Плательщик1") or values.get("Плательщик", ""),
                values.get("ПлательщикИНН", ""), values.get("ПлательщикСчет") or values.get("ПлательщикРасчСчет", ""), values.get("Номер", ""),
            )  # fmt: skip


def _text_of_1c(raw: bytes) -> str:
    for coding in ("utf-8-sig", "cp1251", "cp866"):
        try:
            text = raw.decode(coding)
        except UnicodeDecodeError:
            continue
        if "КонецФайла" in text:
            return text.replace("\r\n", "\n")
    raise BadStatement(why="КонецФайла")


def _read_camt(raw: bytes) -> Iterator[Incoming]:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise BadStatement(why="DOCTYPE")
    try:
        root = ElementTree.fromstring(raw)  # noqa: S314 (no DTD: nothing expands)
    except (ElementTree.ParseError, UnicodeError, LookupError, ValueError) as error:
        raise BadStatement(why=str(error)[:80]) from error
    if "camt.053" not in root.tag:
        raise BadStatement(why="camt.053")
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    for entry in root.iter("Ntry"):
        status = entry.findtext("Sts/Cd") or (entry.findtext("Sts") or "").strip() or "BOOK"
        if entry.findtext("CdtDbtInd") != "CRDT" or entry.findtext("RvslInd") == "true" or status != "BOOK":
            continue
        details = entry.findall("NtryDtls/TxDtls")
        if len(details) < 2:
            yield _entry(entry, details[0] if details else entry, entry.find("Amt"))
        else:
            yield from (_entry(entry, one, one.find("Amt") if one.find("Amt") is not None else one.find("AmtDtls/TxAmt/Amt")) for one in details)


def _entry(entry: ElementTree.Element, details: ElementTree.Element, amount: ElementTree.Element | None) -> Incoming:
    if amount is None or not amount.text:
        raise BadStatement(why="Amt")
    currency = amount.get("Ccy", "EUR")
    day = entry.findtext("ValDt/Dt") or entry.findtext("BookgDt/Dt") or entry.findtext("BookgDt/DtTm") or ""
    purpose = " ".join([*(one.text or "" for one in details.findall("RmtInf/Ustrd")), *(one.text or "" for one in details.findall("RmtInf/Strd/CdtrRefInf/Ref"))])
    end_to_end = details.findtext("Refs/EndToEndId") or ""
    payer = details.findtext("RltdPties/Dbtr/Nm") or details.findtext("RltdPties/Dbtr/Pty/Nm") or ""
    tax_id = next((one.text or "" for path in ("Dbtr/Id//Id", "Dbtr/Pty/Id//Id") for one in details.findall(f"RltdPties/{path}")), "")
    reference = details.findtext("Refs/AcctSvcrRef") or entry.findtext("AcctSvcrRef") or ""
    told = purpose if end_to_end in ("", "NOTPROVIDED") else f"{purpose} {end_to_end}"
    return Incoming(day_of(day), sum_of(amount.text, currency), currency, told.strip(), payer, tax_id, details.findtext("RltdPties/DbtrAcct/Id/IBAN") or "", reference)


def _read_csv(raw: bytes, currency: str) -> Iterator[Incoming]:
    text = _text(raw)
    if "\x00" in text:
        raise BadStatement(why="0x00")
    first = text.lstrip().splitlines()[0]
    rows = csv.reader(io.StringIO(text.lstrip()), delimiter=max(";,\t", key=first.count))
    try:
        columns = _columns(next(rows))
        for row in rows:
            values = {name: row[at].strip() for name, at in columns.items() if at < len(row)}
            if not values.get("amount") or not values.get("date"):
                continue
            line = _csv_line(values, currency)
            if line.amount > 0:
                yield line
    except csv.Error as error:
        raise BadStatement(why=str(error)) from error


def _csv_line(values: Mapping[str, str], currency: str) -> Incoming:
    own = (values.get("currency") or currency).upper()[:3]
    more = {name: values.get(name, "") for name in ("purpose", "payer", "tax_id", "account", "external_id")}
    return Incoming(day_of(values["date"]), sum_of(values["amount"], own), own, **more)


def _columns(heads: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, head in enumerate(heads):
        plain = head.strip().strip('"').casefold()
        name = next((name for name, words in _NAMES.items() if plain in words), None)
        if name is not None:
            found.setdefault(name, at)
    if not {"date", "amount"} <= set(found):
        raise BadStatement(why=", ".join(heads)[:80])
    return found


def _text(raw: bytes) -> str:
    for coding in ("utf-8-sig", "cp1251"):
        try:
            return raw.decode(coding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
