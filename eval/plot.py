"""Plots, drawn with matplotlib, which is in the extra `report`."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from index.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes"], None]


def check_plots() -> None:
    """Raise SettingsError if plots cannot be drawn, which is better known before hours of measuring."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"plots need matplotlib ({error}); run: pip install 'dragoman[report]', or ask for Markdown or JSON"
        ) from error


def drawn(*plots: Draw, form: str = "png") -> bytes:
    """Plots one below the other, as a file of that form: "png", "pdf" or "svg". Raises SettingsError."""
    check_plots()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(7, 4 * len(plots)), layout="constrained")  # not pyplot: it keeps figures, wants a screen
    FigureCanvasAgg(canvas)
    for axes, plot in zip(canvas.subplots(len(plots), squeeze=False)[:, 0], plots, strict=True):
        plot(axes)
        axes.grid(alpha=0.3)
    data = io.BytesIO()
    unsaid = {"png": "Software", "pdf": "CreationDate", "svg": "Date"}  # what is drawn twice is the same
    canvas.savefig(data, format=form, dpi=120, metadata={unsaid[form]: None})
    return data.getvalue()
