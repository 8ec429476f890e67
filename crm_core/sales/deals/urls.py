"""Addresses of deals and their board."""

from __future__ import annotations

from django.urls import path

from . import views
from .desk import DESK

urlpatterns = [
    path("board", views.board, name="board-first"),
    path("board/<int:pk>", views.board, name="board"),
    path("board/stages/<int:pk>", views.column, name="board-column"),
    path("board/stages/<int:pk>/add", views.quick_add, name="deal-quick-add"),
    path("deals/<int:pk>/move", views.move_or_back, name="deal-move"),
    path("deals/<int:pk>/move-menu", views.move_menu, name="deal-move-menu"),
    path("deals/<int:pk>/lose", views.lose, name="deal-lose"),
    path("deals/<int:pk>/win", views.win, name="deal-win"),
    *DESK.urls(),
]
