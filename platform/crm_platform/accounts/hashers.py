"""How passwords are kept (decision 0021)."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, first choice.

    Django's own 100 MiB and eight lanes would take eight threads 800 MiB while eight people log in.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
