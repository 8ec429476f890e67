"""`{% translate "…" %}` and `{% url "…" %}` as Django has them, and `{% icon "…" %}`, worked out once a process where the answer cannot differ.

A card says fifty fixed words and twenty addresses; looking each up anew is a tenth of its time. Every other use of the two
tags (a variable, `as`, a context, named arguments) stays Django's own.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.base import FilterExpression, Node, Parser, Token, Variable
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as stock_url
from django.templatetags.i18n import TranslateNode, do_translate
from django.utils.translation import get_language

from crm_platform.ui.addresses import numbered, plain
from crm_platform.ui.icons import icon as stock_icon

register = template.Library()


class FixedWords(Node):
    """A sentence of the template's own, by language."""

    child_nodelists = ()

    def __init__(self, stock: TranslateNode) -> None:
        self.stock = stock
        self.said: dict[tuple[str | None, bool], str] = {}

    def render(self, context: Context) -> str:
        key = get_language(), context.autoescape
        words = self.said.get(key)
        if words is None:
            words = self.said[key] = self.stock.render(context)
        return words


class FixedAddress(Node):
    """An address without arguments, or with a record's number."""

    child_nodelists = ()

    def __init__(self, stock: URLNode, name: str, argument: FilterExpression | None) -> None:
        self.stock, self.name, self.argument = stock, name, argument

    def render(self, context: Context) -> str:
        if self.argument is None:
            return plain(self.name)
        value = self.argument.resolve(context)
        return numbered(self.name, value) if type(value) is int else str(self.stock.render(context))


class FixedSign(Node):
    """A sign named in the template: drawn once."""

    child_nodelists = ()

    def __init__(self, names: list[str]) -> None:
        self.names, self.drawn = names, ""

    def render(self, context: Context) -> str:
        self.drawn = self.drawn or stock_icon(*self.names)
        return self.drawn


@register.tag
def icon(parser: Parser, token: Token) -> Node:
    """The sign of that name; literals are drawn once, anything else each time."""
    _tag, *words = token.split_contents()
    given = [parser.compile_filter(word) for word in words]
    if all(isinstance(one.var, str) and not one.filters for one in given):
        return FixedSign([str(one.var) for one in given])
    return Sign(given)


class Sign(Node):
    """A sign that a variable names."""

    child_nodelists = ()

    def __init__(self, given: list[FilterExpression]) -> None:
        self.given = given

    def render(self, context: Context) -> str:
        return stock_icon(*(one.resolve(context) for one in self.given))


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> Node:
    """Django's tag; a literal without options is put into each language once."""
    stock: Any = do_translate(parser, token)
    expression = stock.filter_expression
    literal = expression.is_var and isinstance(expression.var, Variable) and expression.var.literal is not None and expression.var.lookups is None
    fixed = literal and not expression.filters and not (stock.noop or stock.asvar or stock.message_context)
    return FixedWords(stock) if fixed else stock


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Django's tag; a literal name with at most one argument is looked up once."""
    stock: URLNode = stock_url(parser, token)
    name = stock.view_name.var
    if isinstance(name, str) and not (stock.view_name.filters or stock.kwargs or stock.asvar or stock.args[1:]):
        return FixedAddress(stock, name, stock.args[0] if stock.args else None)
    return stock
