"""Addresses of pipelines' settings."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/pipelines", views.pipelines, name="pipelines"),
    path("settings/pipelines/add", views.add_pipeline, name="pipeline-add"),
    path("settings/pipelines/<int:pk>", views.change_pipeline, name="pipeline-change"),
    path("settings/pipelines/<int:pk>/trade", views.choose_trade, name="trade-choose"),
    path("settings/pipelines/<int:pk>/trade/back", views.take_back_trade, name="trade-take-back"),
    path("settings/pipelines/<int:pk>/stages", views.add_stage, name="stage-add"),
    path("settings/stages/<int:pk>", views.change_stage, name="stage-change"),
    path("settings/reasons", views.add_reason, name="reason-add"),
    path("settings/reasons/<int:pk>", views.archive_reason, name="reason-archive"),
]
