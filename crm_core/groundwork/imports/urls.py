"""Addresses of imports."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("imports", views.imports, name="imports"),
    path("imports/<int:pk>", views.show, name="import"),
    path("imports/<int:pk>/columns", views.choose, name="import-choose"),
    path("imports/<int:pk>/look", views.look, name="import-look"),
    path("imports/<int:pk>/cancel", views.cancel, name="import-cancel"),
    path("imports/<int:pk>/undo", views.undo, name="import-undo"),
    path("imports/<int:pk>/waiting", views.take_in_waiting, name="import-waiting"),
    path("imports/<int:pk>/rows/<slug:state>", views.rows, name="import-rows"),
]
