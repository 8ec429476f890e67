"""Addresses of tasks."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("day", views.day, name="day"),
    path("tasks", views.add, name="task-add"),
    path("tasks/late", views.move_late, name="tasks-move-late"),
    path("tasks/<int:pk>", views.edit, name="task"),
    path("tasks/<int:pk>/done", views.complete, name="task-done"),
    path("tasks/<int:pk>/reopen", views.reopen, name="task-reopen"),
    path("tasks/<int:pk>/move", views.move, name="task-move"),
    path("tasks/<int:pk>/bin", views.remove, name="task-bin"),
    path("tasks/<int:pk>/restore", views.restore, name="task-restore"),
]
