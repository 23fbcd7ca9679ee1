"""What the page is put together from: a frame, and views that are pieces of HTML, CSS and JavaScript each.

Gradio takes one string of each kind. The frame, `assets/page.*`, comes first and holds what views share: colours and
sizes in CSS, helpers in JavaScript. Each view is a section with the HTML of `assets/<name>.html`; the JavaScript of
its pieces, in their order, is one function of its own, so that no name in one view meets that of another.

To add a view: write its pieces, put it in `VIEWS`, and give `ui.app.build_page` the functions that it calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

ASSETS = resources.files("ui") / "assets"


@dataclass(frozen=True, slots=True)
class View:
    """A part of the page that is shown by itself, with a button in the header."""

    name: str  # of its HTML, and in the address: "#ask"
    label: str
    styles: tuple[str, ...]  # its CSS files, in order, without the ending
    scripts: tuple[str, ...]  # its JavaScript files, likewise


VIEWS = (
    View("ask", "Ask", ("ask",), ("evidence", "replies", "history", "ask")),
    View("library", "Library", ("library",), ("library", "intake")),
    View("lab", "Lab", ("lab",), ("lab",)),
    View("evaluation", "Evaluation", ("evaluation",), ("evaluation",)),
)


def page_html() -> str:
    """The frame with every view in it; the first is the one that is shown."""
    buttons = "".join(f'<button type="button" data-view="{view.name}">{view.label}</button>' for view in VIEWS)
    sections = "".join(
        f'<section class="view view-{view.name}" data-view="{view.name}" aria-label="{view.label}" hidden>'
        f"{_asset(f'{view.name}.html')}</section>"
        for view in VIEWS
    )
    return _asset("page.html").replace("<!-- buttons -->", buttons).replace("<!-- views -->", sections)


def page_css() -> str:
    """All styles, in order."""
    return "\n".join([_asset("page.css"), *(_asset(f"{name}.css") for view in VIEWS for name in view.styles)])


def page_js() -> str:
    """The helpers, a function for each view, and the end, which shows one."""
    scripts = ("\n".join(_asset(f"{name}.js") for name in view.scripts) for view in VIEWS)
    return "\n".join([_asset("page.js"), *(f"(() => {{\n{script}\n}})();" for script in scripts), "begin();"])


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
