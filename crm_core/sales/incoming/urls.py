"""Addresses of the unsorted inbox."""

from __future__ import annotations

from django.urls import path

from . import building_views, public_views, ringing_views, source_views, views

urlpatterns = [
    path("unsorted", views.inbox, name="unsorted"),
    path("unsorted/bulk", views.bulk, name="unsorted-bulk"),
    path("unsorted/reactions", views.reactions, name="unsorted-reactions"),
    path("unsorted/<slug:uid>", views.inbox, name="unsorted-one"),
    path("unsorted/<slug:uid>/accept", views.accept, name="unsorted-accept"),
    path("unsorted/<slug:uid>/link", views.link, name="unsorted-link"),
    path("unsorted/<slug:uid>/merge", views.merge, name="unsorted-merge"),
    path("unsorted/<slug:uid>/decline", views.decline, name="unsorted-decline"),
    path("unsorted/<slug:uid>/back", views.put_back, name="unsorted-back"),
    path("unsorted/<slug:uid>/give", views.give, name="unsorted-give"),
    path("unsorted/<slug:uid>/files/<int:pk>", views.download, name="unsorted-file"),
]
urlpatterns += [
    path("ringing", ringing_views.card, name="ringing"),
    path("ringing/close", ringing_views.close, name="ringing-close"),
]
urlpatterns += [
    path("settings/lead-sources", source_views.listed, name="lead-sources"),
    path("settings/lead-sources/add", source_views.add, name="lead-source-add"),
    path("settings/lead-sources/<int:pk>", source_views.one, name="lead-source"),
    path("settings/lead-sources/<int:pk>/verb", source_views.verb, name="lead-source-verb"),
    path("settings/lead-sources/<int:pk>/lines", source_views.set_lines, name="lead-source-lines"),
    path("settings/lead-rules", source_views.add_rule, name="lead-rule-add"),
    path("settings/lead-rules/<int:pk>", source_views.change_rule, name="lead-rule"),
]
urlpatterns += [
    path("settings/lead-sources/<int:pk>/form", building_views.page, name="lead-form"),
    path("settings/lead-sources/<int:pk>/form/field", building_views.field, name="lead-form-field"),
    path("settings/lead-sources/<int:pk>/form/words", building_views.words, name="lead-form-words"),
    path("settings/lead-sources/<int:pk>/form/publish", building_views.publish, name="lead-form-publish"),
    path("settings/lead-sources/<int:pk>/form/preview", building_views.preview, name="lead-form-preview"),
    path("f/<slug:uid>", public_views.form_page, name="public-form"),
    path("f/<slug:uid>/embed.js", public_views.script, name="public-form-script"),
    path("f/<slug:uid>/qr.svg", public_views.qr, name="public-form-qr"),
]
