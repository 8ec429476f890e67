"""Addresses of plan, seats and money in a workspace."""

from __future__ import annotations

from django.urls import path

from . import bills, choosing, coming_in, kinds, life, pages, payers, seats

urlpatterns = [
    path("seat-asked", coming_in.asked, name="seat-asked"),
    path("settings/plan", pages.plan, name="plan"),
    path("settings/plan/compare", pages.compare, name="plan-compare"),
    path("settings/plan/choose", choosing.choose, name="plan-choose"),
    path("settings/plan/change", choosing.change, name="plan-change"),
    path("settings/plan/checkout", choosing.checkout, name="plan-checkout"),
    path("settings/plan/checkout/given-up", choosing.give_up, name="plan-give-up"),
    path("settings/plan/return", choosing.come_back, name="plan-return"),
    path("settings/plan/change/taken-back", choosing.take_back, name="plan-take-back"),
    path("settings/plan/cancel", life.cancel, name="plan-cancel"),
    path("settings/plan/resume", life.resume, name="plan-resume"),
    path("settings/plan/pause", life.pause, name="plan-pause"),
    path("settings/plan/unpause", life.unpause, name="plan-unpause"),
    path("settings/plan/promise", life.promise, name="plan-promise"),
    path("settings/plan/card", life.card, name="plan-card"),
    path("settings/plan/seats", seats.seats, name="plan-seats"),
    path("settings/plan/seats/change", seats.change, name="plan-seats-change"),
    path("settings/plan/seats/waiting", seats.waiting, name="plan-seats-waiting"),
    path("settings/plan/seats/asked/<int:pk>", coming_in.answer, name="plan-seats-asked"),
    path("settings/plan/seats/kinds", kinds.kinds, name="plan-seats-kinds"),
    path("settings/plan/seats/people/<int:pk>", kinds.person, name="plan-seat"),
    path("settings/plan/seats/stay", seats.stay, name="plan-seats-stay"),
    path("settings/plan/invoices", bills.invoices, name="plan-invoices"),
    path("settings/plan/invoices/<slug:public_id>.pdf", bills.paper, name="plan-invoice-paper"),
    path("settings/plan/invoices/<slug:public_id>/payment", bills.pay, name="plan-invoice-pay"),
    path("settings/plan/payers", payers.payers, name="plan-payers"),
    path("settings/plan/payers/new", payers.add, name="plan-payer-add"),
    path("settings/plan/payers/<int:pk>", payers.change, name="plan-payer"),
    path("settings/plan/payers/<int:pk>/main", payers.make_main, name="plan-payer-main"),
    path("settings/plan/payers/<int:pk>/archive", payers.archive, name="plan-payer-archive"),
    path("settings/plan/rules", payers.rules, name="plan-rules"),
    path("settings/plan/rules/contacts", payers.contacts, name="plan-contacts"),
    path("settings/plan/rules/ceiling", payers.ceiling, name="plan-ceiling"),
    path("settings/plan/rules/code", payers.redeem, name="plan-redeem"),
    path("settings/plan/rules/referral", payers.refer, name="plan-refer"),
]
