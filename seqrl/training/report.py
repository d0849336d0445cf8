"""report.html: one self-contained page for a run."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem .7rem; text-align: left; vertical-align: top }
tr + tr td { border-top: 1px solid #ddd } img { max-width: 100% } .wrong { color: #b00020 }
pre { background: #f6f6f6; padding: .7rem; white-space: pre-wrap }
.attention td, .attention th { padding: .1rem .4rem; border: 0; font-weight: normal; text-align: center }
.attention th:first-child { text-align: right }
"""


def page(title: str, sections: Mapping[str, str]) -> str:
    """An HTML page; `sections` has the HTML that stands under each heading."""
    body = "".join(f"<h2>{html.escape(heading)}</h2>\n{content}\n" for heading, content in sections.items())
    head = f'<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>'
    return f"<!doctype html>\n{head}\n<h1>{html.escape(title)}</h1>\n{body}"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    top = f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in header)}</tr>" if header else ""
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>\n" for row in rows)
    return f"<table>\n{top}\n{body}</table>"


def text(content: str) -> str:
    """A text with its line ends and spaces as they are."""
    return f"<pre>{html.escape(content)}</pre>"


def picture(png: bytes, text: str) -> str:
    """A picture inside the page; `text` says what it shows."""
    return f'<img alt="{html.escape(text)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def heat_map(columns: Sequence[str], rows: Sequence[str], weights: npt.NDArray[np.floating]) -> str:
    """Weights (rows, columns) from 0 to 1 as a table of shaded cells: the browser has the fonts for its labels."""
    top = "".join(f"<th>{html.escape(label)}</th>" for label in columns)
    body = "".join(
        f"<tr><th>{html.escape(label)}</th>{''.join(_shaded(float(w)) for w in line)}</tr>\n"
        for label, line in zip(rows, weights, strict=True)
    )
    return f'<table class="attention">\n<tr><th></th>{top}</tr>\n{body}</table>'


def _shaded(weight: float) -> str:
    return f'<td title="{weight:.3f}" style="background: rgba(8, 48, 107, {weight:.3f})"></td>'


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return html.escape(", ".join(map(str, value)))
    return html.escape("" if value is None else str(value))
