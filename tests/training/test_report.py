import re
from html.parser import HTMLParser

import numpy as np

from seqrl.training import report


class Tags(HTMLParser):
    """Checks that every tag is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    weights = np.array([[0.25, 0.75], [1, 0]])
    page = report.page(
        "Run <1>",
        {
            "Scores & more": report.table(["a<b", "c"], [[0.123456, None], ["x & y", (1, 2)]]),
            "Picture": report.picture(b"\x89PNG", 'a "curve"'),
            "Attention": report.heat_map(["<s>", "日"], ["le", "chat"], weights),
        },
    )
    assert Tags(page).open == []
    assert "Run &lt;1&gt;" in page and "Scores &amp; more" in page and "a&lt;b" in page and "&lt;s&gt;" in page
    assert "<td>0.1235</td><td></td>" in page and "<td>x &amp; y</td><td>1, 2</td>" in page
    assert 'src="data:image/png;base64,iVBORw=="' in page and 'alt="a &quot;curve&quot;"' in page
    assert [float(w) for w in re.findall(r"rgba\(8, 48, 107, ([\d.]+)\)", page)] == [0.25, 0.75, 1, 0]
    assert not re.search(r"https?:|<script|<link", page)


def test_a_text_keeps_its_lines_and_is_no_markup() -> None:
    assert report.text("a <b>\n  c") == "<pre>a &lt;b&gt;\n  c</pre>"
