"""The application of documents, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "billing.documents"
    label = "documents"

    def ready(self) -> None:
        from billing import ports  # inline: apps load before models

        from . import mirroring, refunding  # inline: apps load before models

        ports.documents.answer(mirroring.mirror)
        ports.mirrored.answer(mirroring.mirrored)
        ports.notes.answer(mirroring.mirror_notes)
        ports.refunds.answer(refunding.follow)
