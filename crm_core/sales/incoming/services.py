"""Verbs of incoming leads, under one roof: taking in, and deciding what becomes of them."""

from __future__ import annotations

from .deciding import (
    DecidedMeanwhile,
    accept,
    accept_contact,
    decline,
    each,
    get,
    give,
    link,
    link_beyond,
    may_decide,
    merge,
    merge_twins,
    put_back,
    sees,
)
from .queries import decided, firms_of, goes_into, people_of, pipeline_of, summary, waiting
from .taking import take

__all__ = [
    "DecidedMeanwhile", "accept", "accept_contact", "decided", "decline", "each", "firms_of", "get", "give", "goes_into", "link", "link_beyond", "may_decide", "merge", "merge_twins", "people_of", "pipeline_of", "put_back", "sees", "summary", "take", "waiting",
]  # fmt: skip
