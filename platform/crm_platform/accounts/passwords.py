"""Django's rules for passwords, said in our words: its own catalogue does not speak all five languages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import password_validation as rules
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class Length(rules.MinimumLengthValidator):
    """At least so many characters."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for a shorter one."""
        if len(password) < self.min_length:
            raise ValidationError(_("The password is too short: at least %(n)d characters.") % {"n": self.min_length}, code="password_too_short")

    def get_help_text(self) -> str:
        """What to think of before choosing."""
        return _("At least %(n)d characters; a short sentence is good.") % {"n": self.min_length}


class NotCommon(rules.CommonPasswordValidator):
    """None of the twenty thousand that are tried first."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for one of them."""
        if password.lower().strip() in self.passwords:
            raise ValidationError(_("Everyone tries this password first; choose another."), code="password_too_common")

    def get_help_text(self) -> str:
        """What to think of before choosing."""
        return _("Not one that everyone tries first.")


class NotFiguresAlone(rules.NumericPasswordValidator):
    """More than figures."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for figures alone."""
        if password.isdecimal():
            raise ValidationError(_("Figures alone are guessed quickly; add letters."), code="password_entirely_numeric")

    def get_help_text(self) -> str:
        """What to think of before choosing."""
        return _("Not figures alone.")


class UnlikeThePerson(rules.UserAttributeSimilarityValidator):
    """Not the name or the address again."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for one that is nearly the person's name or e-mail."""
        try:
            super().validate(password, user)
        except ValidationError:
            raise ValidationError(_("The password is too much like your name or e-mail."), code="password_too_similar") from None

    def get_help_text(self) -> str:
        """What to think of before choosing."""
        return _("Not your name or e-mail again.")
