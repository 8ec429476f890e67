"""Addresses of the console's pages of billing."""

from __future__ import annotations

from django.urls import path

from . import queue_views, selling_views, transfer_views, views

urlpatterns = [
    path("", views.home, name="console-home"),
    path("workspaces", views.workspaces, name="console-workspaces"),
    path("workspaces/<str:public_id>", views.workspace, name="console-workspace"),
    path("workspaces/<str:public_id>/extend", views.extend, name="console-extend"),
    path("workspaces/<str:public_id>/coupon", views.give_coupon, name="console-give-coupon"),
    path("workspaces/<str:public_id>/grant", views.grant, name="console-grant"),
    path("workspaces/<str:public_id>/grant/<int:pk>/end", views.end_grant, name="console-grant-end"),
    path("workspaces/<str:public_id>/refund/<str:document>", views.refund, name="console-refund"),
    path("workspaces/<str:public_id>/transfer/<str:document>", transfer_views.record, name="console-transfer"),
    path("workspaces/<str:public_id>/documents/<str:document>.pdf", transfer_views.paper, name="console-paper"),
    path("transfers", transfer_views.statements, name="console-transfers"),
    path("transfers/recorded", transfer_views.payments, name="console-payments"),
    path("transfers/<int:pk>", transfer_views.line, name="console-transfer-line"),
    path("transfers/<int:pk>/settle", transfer_views.settle, name="console-transfer-settle"),
    path("unpaid", queue_views.unpaid, name="console-unpaid"),
    path("events", queue_views.troubled, name="console-events"),
    path("events/<int:pk>/replay", queue_views.replay, name="console-event-replay"),
    path("drift/<int:pk>/mend", queue_views.mend, name="console-drift-mend"),
    path("drift", queue_views.drift, name="console-drift"),
    path("refunds", queue_views.refunds, name="console-refunds"),
    path("refunds/<str:public_id>", queue_views.decide, name="console-refund-decide"),
    path("journal", queue_views.journal, name="console-journal"),
    path("plans", selling_views.plans, name="console-plans"),
    path("plans/sale/<int:pk>", selling_views.sale, name="console-plan-sale"),
    path("plans/<slug:code>", selling_views.plan, name="console-plan"),
    path("plans/<slug:code>/new", selling_views.new_version, name="console-plan-new"),
    path("add-ons/sale/<int:pk>", selling_views.sale_add_on, name="console-add-on-sale"),
    path("add-ons/<slug:code>", selling_views.add_on, name="console-add-on"),
    path("add-ons/<slug:code>/new", selling_views.new_add_on, name="console-add-on-new"),
    path("coupons", selling_views.coupons, name="console-coupons"),
    path("coupons/<int:pk>/archive", selling_views.archive, name="console-coupon-archive"),
]
