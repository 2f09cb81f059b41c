"""How is a drawing written? As elements: every text in it is escaped and made visible, and only classes style it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from xml.etree import ElementTree

from markupsafe import Markup

from ledger.visible import visible

Element = ElementTree.Element
Value = str | float | None


def element(tag: str, *inside: Element, text: Value = None, **attributes: Value) -> Element:
    """An element with what is inside; `class_` is class, and a hyphen in a name is written as an underscore."""
    made = Element(tag, {_name(name): _value(value) for name, value in attributes.items() if value is not None})
    if text is not None:
        made.text = visible(_value(text))
    made.extend(inside)
    return made


def drawing(
    name: str,
    size: tuple[float, float],
    title: str,
    about: str,
    inside: Iterable[Element],
    role: Literal["img", "group"] = "img",
    **more: Value,
) -> Markup:
    """A drawing that says what it shows. `name` is its own on the page; a `group` holds links that can be followed."""
    width, height = size
    root = element(
        "svg",
        element("title", text=title, id=f"{name}-shows"),
        element("desc", text=about, id=f"{name}-tells"),
        *inside,
        class_="drawing",
        id=name,
        role=role,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        aria_labelledby=f"{name}-shows",
        aria_describedby=f"{name}-tells",
        **more,
    )
    return written(root)


def written(root: Element) -> Markup:
    """An element as it stands in a page: escaped, element by element."""
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704


def link(href: str, *inside: Element, **attributes: Value) -> Element:
    """A link to another page of this service."""
    return element("a", *inside, href=href, **attributes)


def short(text: str, most: int) -> str:
    """The text, cut where it is longer than there is room for."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
