"""Addresses of the webhooks' settings."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/hooks", views.hooks, name="hooks"),
    path("settings/hooks/new", views.add, name="hook-add"),
    path("settings/hooks/<int:pk>", views.hook, name="hook"),
    path("settings/hooks/<int:pk>/change", views.change, name="hook-change"),
    path("settings/hooks/<int:pk>/switch", views.switch, name="hook-switch"),
    path("settings/hooks/<int:pk>/test", views.test, name="hook-test"),
    path("settings/hooks/<int:pk>/secret", views.rotate, name="hook-secret"),
    path("settings/hooks/<int:pk>/replay", views.replay, name="hook-replay"),
    path("settings/hooks/<int:pk>/remove", views.remove, name="hook-remove"),
    path("settings/hooks/<int:pk>/deliveries/<int:number>", views.delivery, name="hook-delivery"),
    path("settings/hooks/<int:pk>/deliveries/<int:number>/again", views.send_again, name="hook-again"),
]
