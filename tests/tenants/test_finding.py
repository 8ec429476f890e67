"""A command that works inside a workspace wakes it, and does not give up while another has its turn."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest import mock

from django.core.files.storage import FileSystemStorage

from crm_platform.db import sides
from tenants import finding, routing
from tenants.carrying import turns
from tenants.models import State, Workspace
from tenants.sleeping import services
from tenants.snapshots import services as snapshots


def test_a_command_tries_again_while_another_has_the_turn(doors, tmp_path: Path) -> None:
    had, over = threading.Event(), threading.Event()

    def look() -> None:
        with turns.turn(doors.workspace.pk):
            had.set()
            over.wait(10)

    with mock.patch.object(snapshots, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        with sides.control_unit():
            row = Workspace.objects.get(pk=doors.workspace.pk)
        services.proceed(services.begin(row))
        routing.forget()
        other = threading.Thread(target=look)
        other.start()
        had.wait(10)
        threading.Timer(0.5, over.set).start()
        assert finding.awake(doors.place.slug).state == State.ACTIVE
        other.join()
