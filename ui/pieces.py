"""What the page is put together from: a frame, and views that are pieces of HTML, CSS and JavaScript each.

Gradio takes one string of each kind. The frame, `assets/page.*`, comes first and holds what views share: colours and
sizes in CSS, helpers in JavaScript. Each view is a section with the HTML of `assets/<name>.html`; the JavaScript of
its pieces, in their order, is one function of its own, so that no name in one view meets that of another. What a person
reads is in `assets/<language>.json`, by keys: the HTML names them in data-text and the like, the JavaScript in `t(…)`.

To add a view: write its pieces, put it in `VIEWS`, and give `ui.app.build_page` the functions that it calls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

ASSETS = resources.files("ui") / "assets"
LANGUAGES = ("en", "az", "ru")  # that the page speaks


@dataclass(frozen=True, slots=True)
class View:
    """A part of the page that is shown by itself, with a button in the header."""

    name: str  # of its HTML, of its label among the texts, "view_ask", and in the address: "#ask"
    styles: tuple[str, ...]  # its CSS files, in order, without the ending
    scripts: tuple[str, ...]  # its JavaScript files, likewise


VIEWS = (
    View("ask", ("ask",), ("evidence", "replies", "history", "ask")),
    View("library", ("library",), ("library", "intake")),
    View("lab", ("lab",), ("lab",)),
    View("evaluation", ("evaluation",), ("evaluation",)),
)


def page_html() -> str:
    """The frame with every view in it; the first is the one that is shown."""
    buttons = "".join(
        f'<button type="button" data-view="{view.name}" data-text="view_{view.name}"></button>' for view in VIEWS
    )
    sections = "".join(
        f'<section class="view view-{view.name}" data-view="{view.name}" data-label="view_{view.name}" hidden>'
        f"{_asset(f'{view.name}.html')}</section>"
        for view in VIEWS
    )
    return _asset("page.html").replace("<!-- buttons -->", buttons).replace("<!-- views -->", sections)


def page_css() -> str:
    """All styles, in order."""
    return "\n".join([_asset("page.css"), *(_asset(f"{name}.css") for view in VIEWS for name in view.styles)])


def page_js() -> str:
    """The texts, the helpers, a function for each view, and the end, which shows one."""
    said = json.dumps({language: texts(language) for language in LANGUAGES}, ensure_ascii=False)
    scripts = ("\n".join(_asset(f"{name}.js") for name in view.scripts) for view in VIEWS)
    begun = ('"use strict";', f"const TEXTS = {said};", _asset("page.js"))
    return "\n".join([*begun, *(f"(() => {{\n{script}\n}})();" for script in scripts), "begin();"])


def texts(language: str) -> dict[str, str | dict[str, str]]:
    """What the page says, by key: a text, or its forms by plural category; each may hold "{names}" of values."""
    return json.loads(_asset(f"{language}.json"))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
