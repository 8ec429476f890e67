"""Why an archive is not taken in: each reason with a sentence of its own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import CrmError


class ArchiveRefused(CrmError):
    """The archive cannot be restored; nothing was changed."""

    code, status = "archive_refused", 422
    sentence = _("The archive cannot be read.")


class NotAnArchive(ArchiveRefused):
    """Some other file."""

    code = "archive_no_zip"
    sentence = _("This file is no ZIP archive.")


class CutShort(ArchiveRefused):
    """The end is missing."""

    code = "archive_cut_short"
    sentence = _("The archive is cut short: its end is missing. Fetch it again.")


class ForeignArchive(ArchiveRefused):
    """A ZIP of another program, or of a format that we do not know."""

    code = "archive_foreign"
    sentence = _("This ZIP file is no archive of a Kartoteka workspace.")


class Tampered(ArchiveRefused):
    """A part is not what the manifest says."""

    code = "archive_changed"
    sentence = _("The archive was changed after it was made: “{part}” is not what its manifest says.")


class FromNewer(ArchiveRefused):
    """Made by a version that knows more."""

    code = "archive_newer"
    sentence = _("The archive is of a newer version ({theirs}) than this one ({ours}). Update this Kartoteka first.")


class TooOld(ArchiveRefused):
    """Made by an older version, and the way from there is not known here."""

    code = "archive_too_old"
    sentence = _("The archive is of version {theirs}, and this one cannot bring it up to date: “{part}” has changed its shape since.")


class UnsafeName(ArchiveRefused):
    """A member or a file would land outside of the workspace's folder."""

    code = "archive_unsafe_name"
    sentence = _("The archive holds a name that leads out of its folder: “{part}”.")


class Links(ArchiveRefused):
    """A member is a link."""

    code = "archive_links"
    sentence = _("The archive holds a link where a file should be: “{part}”.")


class Swollen(ArchiveRefused):
    """A member grows beyond what it says."""

    code = "archive_swollen"
    sentence = _("The archive holds a part that unpacks to more than it says: “{part}”.")


class NoRoom(ArchiveRefused):
    """The disk is full."""

    code, status = "archive_no_room", 507
    sentence = _("There is not enough room on the disk for this archive. Nothing was restored.")


class WrongCounts(ArchiveRefused):
    """What was loaded is not what was counted."""

    code = "archive_wrong_counts"
    sentence = _("The rows of “{part}” do not come to what the archive counted. Nothing was restored.")


class BrokenLinks(ArchiveRefused):
    """Rows point to rows that are not there, or break another rule of the database."""

    code = "archive_broken_links"
    sentence = _("Rows of the archive do not fit together. Nothing was restored.")


class UnknownTable(ArchiveRefused):
    """Of our version, and yet with a table that we do not have."""

    code = "archive_unknown_table"
    sentence = _("The archive holds a table that this version does not know: “{part}”.")
