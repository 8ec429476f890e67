"""A bucket for each program: what it is told, and that nobody else waits."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from crm_platform.accounts import tokens
from crm_platform.accounts.middleware import scope_of, scoped
from crm_platform.accounts.models import ApiToken
from crm_platform.integrations import figures, services
from crm_platform.integrations.models import Integration
from crm_platform.kernel import budgets, neighbours
from crm_platform.kernel.http.errors import render_refusal

from .kit import ME, program


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time stands still until it is moved, and every bucket is full."""

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    mine = Clock()
    monkeypatch.setattr(budgets, "time", mine)
    budgets.forget()
    yield mine
    budgets.forget()


def test_a_bucket_empties_and_fills(clock) -> None:
    drawn = [budgets.draw("a", rate=5) for _ in range(52)]
    assert (drawn[0], drawn[49]) == (budgets.Budget(50, 49, 1), budgets.Budget(50, 0, 10))
    assert [one.retry_after for one in drawn[50:]] == [1, 1]
    assert budgets.draw("b", rate=5).remaining == 49
    clock.now += 0.2
    assert [budgets.draw("a", rate=5).retry_after for _ in range(2)] == [0, 1]
    clock.now += 100
    assert budgets.draw("a", rate=5).remaining == 49
    assert budgets.draw("a", rate=None) is None
    with neighbours.unbounded():
        assert budgets.draw("a", rate=1) is None


def test_a_program_is_told_what_is_left_and_waits_alone(make_door) -> None:
    door = make_door(plan="free")
    shop, phone = program(door), program(door, name="Phone")
    first, other = shop.first(), phone.first()
    answers = [shop.call(first["access_token"]) for _ in range(52)]
    codes = [answer.status_code for answer in answers]
    assert codes == [200] * 49 + [429] * 3  # fetching the token was the first of fifty
    told = answers[0].headers
    assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"], told["X-RateLimit-Reset"]) == ("50", "48", "1")
    spent = answers[-1]
    assert (spent.headers["Content-Type"], spent.headers["Retry-After"], spent.headers["X-RateLimit-Remaining"]) == ("application/problem+json", "1", "0")
    body = spent.json()
    assert (body["status"], body["code"], bool(body["title"]), bool(body["detail"]), bool(body["hint"])) == (429, "budget_spent", True, True, True)
    assert shop.refresh(first["refresh_token"]).status_code == 429
    assert phone.call(other["access_token"]).status_code == 200
    assert door.client().get("/contacts").status_code == 200
    assert shop.row().faults == []


def test_a_tokens_check_is_one_statement(doors, count_statements) -> None:
    shop = program(doors)
    first = shop.first()
    with doors.unit():
        tokens.read_api_token(f"Bearer {first['access_token']}")
        with count_statements() as count:
            found = tokens.read_api_token(f"Bearer {first['access_token']}")
            assert (found.person.role.code, found.person.group, found.integration.name) == ("owner", None, "Shop")
        assert count() == 1
        with count_statements() as count:
            for false in ("x.y.z", f"{first['access_token']}x", first["access_token"].replace(".", ",", 1)[:-3] + "." + "abc", "", "Basic x"):
                with pytest.raises(tokens.TokenRefused):
                    tokens.read_api_token(f"Bearer {false}")
        assert count() <= 2  # only what is no JWT is looked for
    with doors.unit():
        twins = ApiToken.objects.filter(integration=shop.pk)
        assert twins.count() == 1


def test_scopes(doors) -> None:
    shop, theirs = program(doors, scopes=["files"]), program(doors, name="Theirs", kind="external", scopes=["crm"])
    files, crm = shop.first(), theirs.first()
    refused = shop.call(files["access_token"])
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    with doors.unit():
        mine, other = (tokens.read_api_token(f"Bearer {one['access_token']}") for one in (files, crm))
        for token, scope, good in ((mine, "files", True), (mine, "files_delete", False), (mine, "crm", False), (other, "crm", True), (other, "users", False), (other, "notifications", False)):
            if good:
                tokens.require_scope(token, scope)
            else:
                with pytest.raises(tokens.ScopeMissing):
                    tokens.require_scope(token, scope)
        tokens.require_scope(None, "files_delete")
    assert shop.row().faults[-1]["code"] == "scope_missing"

    @scoped("files", DELETE="files_delete")
    def view(request: Any) -> HttpResponse:
        return HttpResponse()

    make = RequestFactory()
    assert (scope_of(view, make.get("/")), scope_of(view, make.delete("/")), scope_of(lambda request: None, make.get("/"))) == ("files", "files_delete", "crm")


def test_the_figures_reach_the_page(doors) -> None:
    shop = program(doors)
    with neighbours.forgotten():
        first = shop.first()
        for _ in range(4):
            shop.call(first["access_token"], ME)
        neighbours.tell()
    with doors.unit():
        usage = figures.usage(Integration.objects.get())
    assert (usage.asked, usage.refused, usage.busiest, usage.rate, usage.a_minute) == (5, 0, 5, 30, 1800)
    assert services.MOST == 100


def test_the_answer_to_a_spent_budget_needs_no_unit() -> None:
    request = RequestFactory().get("/api/v4/leads")
    request.budget = budgets.Budget(50, 0, 10, 3)
    answer = render_refusal(request, budgets.BudgetSpent(retry_after=3))
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"]) == (429, "3", "10")
