"""The currency that a cell names: by its ISO code, its sign or its usual word. What we do not keep is never taken for another."""

from __future__ import annotations

import re
import unicodedata

from crm_core.groundwork.records.ordering import fold
from crm_platform.kernel import money

# ISO 4217: those that circulate. A cell with one that the product does not know is refused, not read as another.
_CIRCULATING = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK "
    "DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON "
    "RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF "
    "XCD XOF XPF YER ZAR ZMW ZWL"
)
_ISO = frozenset(_CIRCULATING.split())
_WORDS = {
    "EUR": "€ euro euros eur евро yevro",
    "USD": "$ us$ usd$ $us dollar dollars доллар доллара долларов долл dollar's dollari",
    "RUB": "₽ руб рубль рубля рублей р rub. rur roubles roubels rubl",
    "UZS": "so'm som soum sum сум сўм сом'",
    "GBP": "£ gb£ £stg pound pounds фунт фунтов livres pond",
    "CHF": "sfr chf. франк франков",
    "PLN": "zł zl zloty zlotych",
    "CZK": "kč kc koruna",
    "UAH": "₴ грн гривна гривен uah.",
    "KZT": "₸ тг тенге tenge",
    "TRY": "₺ tl lira лира лир",
    "GEL": "₾ lari лари",
    "AMD": "֏ dram драм",
    "AZN": "₼ manat манат",
    "BYN": "br бр belrub",
    "CNY": "元 rmb cn¥ yuan юань юаней",
    "JPY": "¥ 円 jp¥ yen иен иена",
    "AED": "dh dhs aed. dirham дирхам",
}
_CODES = {fold(word): code for code, words in _WORDS.items() for word in words.split()} | {fold(code): code for code in money.CURRENCIES}
# Words that several currencies share: what stands before them must say ours, or nothing ("Canadian dollars" are no US dollars).
_SHARED_WORDS = "dollar dollars доллар доллара долларов pound pounds фунт фунтов франк франков koruna lira лира лир dirham дирхам manat манат dinar"
_SHARED = frozenset(fold(word) for word in _SHARED_WORDS.split())
_OURS = frozenset({"", "us", "s", "american", "amerikaanse", "usd", "united states", "british", "gbp", "английских", "swiss", "швейцарских", "czech", "turkish", "турецких", "uae"})
# Said of a sum, and changes nothing of the figure.
_OF_TAX = frozenset({"ttc", "ht", "tva", "vat", "tax", "btw", "incl", "excl", "ндс"})
_CROWNS = frozenset({"SEK", "NOK", "DKK"})
_PARTS = re.compile(r"[\s/.,;:()+\-\u2212\u2013|]+")
_FIGURE = re.compile(r"(?:(?<![^\W\d_])[.,])?\d(?:.*\d)?", re.DOTALL)


class UnknownCurrency(ValueError):
    """A currency that the product does not keep, or two in one cell; the text is what the cell says."""


def apart(text: str) -> tuple[str, str]:
    """A cell as (figure with its sign, the words around it): "-$ 1 234,56" as ("-1 234,56", "$")."""
    found = _FIGURE.search(text)
    if found is None:
        return "", text
    before, after = text[: found.start()], text[found.end() :]
    lead = before.strip()
    negative = lead.startswith(("-", "\u2212")) or lead.endswith(("-", "\u2212")) or ("(" in before and ")" in after)
    return f"{'-' if negative else ''}{found.group()}", f"{before} {after}".strip()


def named(words: str, *, chosen: str = "") -> str:
    """The code that the words name, "" where they name none; raises UnknownCurrency. `chosen` decides what "kr" is."""
    found: set[str] = set()
    before = ""
    for word in filter(None, _PARTS.split(words)):
        folded = fold(word)
        if folded in _SHARED and before not in _OURS:
            raise UnknownCurrency(words)
        if folded in _CODES:
            found.add(_CODES[folded])
        elif folded == "kr" and chosen in _CROWNS:
            found.add(chosen)
        elif folded == "kr" or word.upper() in _ISO or any(unicodedata.category(letter) == "Sc" for letter in word):
            raise UnknownCurrency(word)
        before = folded
    if len(found) > 1:
        raise UnknownCurrency(words)
    return found.pop() if found else ""


def strange(words: str) -> bool:
    """Whether the words around a figure say more than a currency: a measure, thousands, per cents."""
    parts = [fold(word) for word in _PARTS.split(words) if word]
    for at, word in enumerate(parts):
        says = any(letter.isalpha() for letter in word) or "%" in word or "‰" in word
        of_currency = word in _CODES or word in _OF_TAX or word == "kr" or word in _SHARED or word.upper() in _ISO or any(unicodedata.category(letter) == "Sc" for letter in word)
        whose = word in _OURS and parts[at + 1 : at + 2] and parts[at + 1] in _SHARED
        if says and not of_currency and not whose:
            return True
    return False


def of_cell(text: str, *, chosen: str = "") -> str:
    """The code of a cell that holds nothing but a currency; raises UnknownCurrency."""
    whole = fold(text)
    code = _CODES.get(whole) or named(text, chosen=chosen)
    if not code:
        raise UnknownCurrency(text)
    return code
