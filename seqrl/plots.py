"""Pictures (extra `plots`: matplotlib), without pyplot's global state: panels, curves, attention, images, words."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import files
from seqrl.errors import InputError, require

# matplotlib's own font has no Chinese, Japanese or Korean; the first of these that is installed lends them.
CJK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "VL Gothic",
    "Hiragino Sans",
    "Yu Gothic",
    "MS Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
)

# Told apart by readers with any colour vision (Okabe and Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

RINGS = (3.5, 8, 14, 21, 29)
"""How far from its point a label may stand, in points of 1/72 inch; beyond `FAR` a line leads there."""
FAR = 9

STYLE = {
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}


def style() -> AbstractContextManager[None]:
    """The look of the figures of scripts/figures, for what is drawn and saved inside."""
    return require("matplotlib", "plots").rc_context(STYLE)


def panels(size: tuple[float, float], rows: int = 1, columns: int = 1, **arguments: Any) -> Any:
    """(matplotlib Figure of `size` inches, its axes: one, or an array); `arguments` as of Figure.subplots."""
    figure = require("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, **arguments)


def shade(place: int, places: int) -> Any:
    """The colour of one place out of an ordered few, dark to light: layers by depth, strengths, sizes."""
    return require("matplotlib", "plots").colormaps["viridis"](0.1 + 0.75 * place / max(places - 1, 1))


def attention(source: Sequence[str], target: Sequence[str], weights: npt.NDArray[np.floating]) -> Any:
    """A heat map as a matplotlib Figure: a column for each source token, a row for each target token.

    weights: (T, S), as in `seqrl.training.translation.translator.Attention`.
    """
    if np.shape(weights) != (len(target), len(source)) or not np.size(weights):
        raise InputError(f"weights of shape {np.shape(weights)}, {len(target)} target and {len(source)} source tokens")
    size = (2.0 + 0.36 * len(source), 1.6 + 0.32 * len(target))
    figure, axes = panels((max(4.0, size[0]), max(2.5, size[1])))
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    family = _families()
    axes.set_xticks(range(len(source)), source, rotation=60, ha="left", rotation_mode="anchor", family=family)
    axes.set_yticks(range(len(target)), target, family=family)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source")
    axes.set_ylabel("translation")
    figure.colorbar(image, ax=axes, label="attention", fraction=0.05)
    return figure


def curves(lines: Iterable[Mapping[str, float]]) -> Any:
    """Learning curves as a matplotlib Figure, from the metrics that `seqrl.training.runs.read_metrics` gives."""
    lines = list(lines)
    figure, (losses, exact) = panels((9.0, 3.6), columns=2)
    for name, label, style in ("train_loss", "training", "-"), ("valid_loss", "validation", "o-"):
        _line(losses, lines, name, label, style)
    losses.set(title="Loss a target token", xlabel="step", ylabel="nats")
    _line(exact, lines, "valid_exact_match", "validation", "o-", scale=100)
    exact.set(title="Exact match", xlabel="step", ylabel="% of sentences", ylim=(-2, 102))
    for axes in losses, exact:
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def language_curves(lines: Iterable[Mapping[str, float]]) -> Any:
    """Learning curves of a language model as a matplotlib Figure, from the metrics that `runs.read_metrics` gives."""
    lines = list(lines)
    figure, (losses, bits) = panels((9.0, 3.6), columns=2)
    for name, label, style in ("train_loss", "training", "-"), ("valid_loss", "validation", "o-"):
        _line(losses, lines, name, label, style)
    losses.set(title="Loss a token", xlabel="step", ylabel="nats")
    _line(bits, lines, "valid_bits_per_character", "validation", "o-")
    bits.set(title="Bits a character", xlabel="step", ylabel="bits")
    for axes in losses, bits:
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def dialogue_curves(lines: Iterable[Mapping[str, float]]) -> Any:
    """Learning curves of a dialogue model as a matplotlib Figure, with a panel for the KL where the model has one."""
    lines = list(lines)
    variational = any("valid_kl" in line for line in lines)
    figure, grid = panels((13.0 if variational else 9.0, 3.6), columns=3 if variational else 2)
    losses, exact = grid[:2]
    if variational:
        _line(losses, lines, "train_loss", "training, KL weighted", "-")
        _line(losses, lines, "valid_bound", "validation, bound", "o-")
        _line(losses, lines, "valid_reconstruction", "of it: reconstruction", "o-")
    else:
        _line(losses, lines, "train_loss", "training", "-")
        _line(losses, lines, "valid_loss", "validation", "o-")
    losses.set(title="Negative bound a token" if variational else "Loss a token", xlabel="step", ylabel="nats")
    _line(exact, lines, "valid_exact_match", "validation", "o-", scale=100)
    exact.set(title="Answers from the context that fit", xlabel="step", ylabel="%", ylim=(-2, 102))
    if variational:
        _line(grid[2], lines, "valid_kl", "KL, nats an utterance", "o-")
        _line(grid[2], lines, "valid_active_units", "active units", "o-")
        _line(grid[2], lines, "kl_weight", "weight of the KL", "o-")
        grid[2].set(title="Latent variable", xlabel="step", ylim=(0, None))
    for axes in grid:
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def embedding_curve(lines: Iterable[Mapping[str, float]]) -> Any:
    """The loss of word embeddings as a matplotlib Figure, from the metrics that `runs.read_metrics` gives."""
    lines = list(lines)
    figure, axes = panels((6.0, 3.6))
    for name, label, style in ("train_loss", "along the text", "-"), ("epoch_loss", "mean of an epoch", "o"):
        points = [(line["words"] / 1e6, line[name]) for line in lines if name in line]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
    axes.set(title="Loss a prediction", xlabel="millions of words read", ylabel="nats")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    return figure


class Band(NamedTuple):
    """A curve with the interval around it. What is not a number is not drawn."""

    steps: npt.NDArray[np.floating]  # (P,)
    middle: npt.NDArray[np.floating]  # (P,)
    low: npt.NDArray[np.floating] | None = None  # (P,)
    high: npt.NDArray[np.floating] | None = None
    each: npt.NDArray[np.floating] | None = None  # (K, P) the curves that it is made of


def return_curves(bands: Mapping[str, Band], title: str) -> Any:
    """Learning curves of agents as a matplotlib Figure: the return by steps, a colour for each name.

    A single name has the curve of every seed behind it. The title says what lines and bands are.
    """
    figure, axes = panels((6.4, 4.0))
    longest = max((float(band.steps[-1]) for band in bands.values()), default=0.0)
    unit, size = ("thousands of steps", 1e3) if longest >= 1e4 else ("steps", 1.0)
    for (name, band), colour in zip(bands.items(), itertools.cycle(COLOURS), strict=False):
        steps = band.steps / size
        if band.each is not None and len(bands) == 1 < len(band.each):
            axes.plot(steps, band.each.T, color=colour, alpha=0.25, linewidth=0.8)
        if band.low is not None and band.high is not None:
            axes.fill_between(steps, band.low, band.high, color=colour, alpha=0.2, linewidth=0)
        alone = np.count_nonzero(np.isfinite(band.middle)) == 1  # a line of one point is not seen
        axes.plot(steps, band.middle, "o-" if alone else "-", color=colour, label=name)
    axes.set_title(title + _described(bands.values()), fontsize=10)
    axes.set(xlabel=unit, ylabel="return of an episode while learning")
    if len(bands) > 1:
        _legend(figure, axes.lines, list(bands))
    return figure


def _described(bands: Collection[Band]) -> str:
    seeds = {0 if band.low is None or band.each is None else len(band.each) for band in bands}
    if len(seeds) != 1 or 0 in seeds:
        return ""
    return f"\ninterquartile mean of {seeds.pop()} seeds, 95 % interval"


def history(epochs: Sequence[int], history: Mapping[str, Sequence[float]]) -> Any:
    """A panel for the loss and for each metric of a `seqrl.training.callbacks.History`, training beside validation."""
    names = [name for name in history if not name.startswith("val_")]
    figure, grid = panels((4.5 * max(len(names), 1), 3.6), columns=max(len(names), 1), squeeze=False)
    for axes, name in zip(grid.flat, names, strict=False):
        for key, label in (name, "training"), (f"val_{name}", "validation"):
            if key in history:
                axes.plot(epochs, history[key], "o-", label=label, markersize=4)
        axes.set(title=name.replace("_", " ").capitalize(), xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion(counts: npt.NDArray[np.integer], names: Sequence[str]) -> Any:
    """A heat map of how often each class (a row) was taken for each (a column): the share of its row, and the count."""
    if np.shape(counts) != (len(names), len(names)) or not np.size(counts):
        raise InputError(
            f"counts of shape {np.shape(counts)} for {len(names)} classes; expected a row and a column each"
        )
    side = max(3.5, 1.5 + 0.45 * len(names))
    figure, axes = panels((side, side))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)  # the root shows the few mistakes beside the many hits
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if share[row, column] > 0.4 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names)) < 3 else 60)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="prediction", ylabel="truth")
    axes.tick_params(length=0)
    axes.grid(False)
    return figure


def images(pictures: npt.NDArray[np.floating], captions: Sequence[str], columns: int = 8) -> Any:
    """Images (N, C, height, width) from 0 to 1 with a caption each; one channel is drawn dark on light."""
    if np.ndim(pictures) != 4 or pictures.shape[1] not in (1, 3) or len(pictures) != len(captions):
        raise InputError(
            f"images of shape {np.shape(pictures)} and {len(captions)} captions; expected (N, 1 or 3, ...)"
        )
    rows = max(-(-len(pictures) // columns), 1)
    figure, grid = panels((1.2 * columns, 1.5 * rows), rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, picture, caption in zip(grid.flat, pictures, captions, strict=False):
        grey = picture.shape[0] == 1
        axes.imshow(picture[0] if grey else picture.transpose(1, 2, 0), cmap="gray_r" if grey else None, vmin=0, vmax=1)
        axes.set_title(caption, fontsize=9)
    return figure


def words(groups: Mapping[str, Mapping[str, npt.NDArray[np.floating]]]) -> Any:
    """Words where their vectors (D,) lie in the plane in which these vary most, a colour and a mark for each group.

    The plane is that of the first two principal components of the vectors brought to unit length. A group named "" is
    not in the legend. Raises InputError for less than three words: they have no plane.
    """
    names = [word for group in groups.values() for word in group]
    if len(names) < 3:
        raise InputError(f"{len(names)} words to draw; expected 3 or more")
    vectors = np.stack([vector for group in groups.values() for vector in group.values()]).astype(np.float64)
    places, shares = _plane(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30))

    figure, axes = panels((9.0, 6.6))
    mix = require("matplotlib.colors", "plots").to_rgb
    marks, colours, start = [], [], 0
    for i, group in enumerate(groups.values()):
        colour = COLOURS[i % len(COLOURS)]
        x, y = places[start : start + len(group)].T
        marks += axes.plot(x, y, "os^Dv"[i // len(COLOURS) % 5], color=colour, markersize=4.5, zorder=4)
        colours += [tuple(0.6 * part for part in mix(colour))] * len(group)  # darker: letters are thin
        start += len(group)
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({shares[1]:.0%})")
    axes.tick_params(length=0, labelbottom=False, labelleft=False)
    axes.spines[:].set_color("#cccccc")
    axes.margins(0.07)
    legend = [(mark, name) for mark, name in zip(marks, groups, strict=True) if name]
    if legend:
        _legend(figure, *zip(*legend, strict=True))
    _label(figure, axes, places, names, colours)
    return figure


FORMATS = ".png", ".svg", ".pdf"


def png(figure: Any) -> bytes:
    """The picture as a PNG."""
    return _drawn(figure, "png")


def save(figure: Any, path: str | Path) -> None:
    """Write the picture in the format that the name ends in. Raises InputError for another, and where it can't be
    written."""
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"{path}: a picture's name; expected one that ends in {', '.join(FORMATS)}")
    files.write(path, _drawn(figure, ending[1:]))


def _drawn(figure: Any, kind: str) -> bytes:
    content = io.BytesIO()
    with _any_letter():
        figure.savefig(content, format=kind, dpi=150)
    return content.getvalue()


def _line(
    axes: Any, lines: Sequence[Mapping[str, float]], name: str, label: str, style: str, scale: float = 1.0
) -> None:
    points = [(line["step"], scale * line[name]) for line in lines if name in line]
    if points:
        axes.plot(*zip(*points, strict=True), style, label=label, markersize=4)


def _plane(vectors: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(N, D) in the plane of their first two principal components (N, 2), and their shares of the variance (2,)."""
    centred = np.zeros((len(vectors), max(2, vectors.shape[1])))
    centred[:, : vectors.shape[1]] = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :2] * sizes[:2]
    places *= np.where(places[np.abs(places).argmax(axis=0), [0, 1]] < 0, -1, 1)  # the signs are arbitrary
    return places, sizes[:2] ** 2 / max((sizes**2).sum(), 1e-30)


def _legend(figure: Any, marks: Sequence[Any], names: Sequence[str]) -> None:
    """Above all else. Names are set afterwards: matplotlib leaves out those that begin with an underscore."""
    form = {"ncols": min(len(marks), 7), "frameon": False, "handletextpad": 0.2, "prop": {"family": _families()}}
    legend = figure.legend(marks, ["n"] * len(marks), loc="outside upper center", **form)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set(text=name, parse_math=False)


def _label(
    figure: Any, axes: Any, places: npt.NDArray[np.float64], names: Sequence[str], colours: Sequence[Any]
) -> None:
    """Write names beside places, each where it hides least of the others, with a line where that is not near."""
    canvas = require("matplotlib.backends.backend_agg", "plots").FigureCanvasAgg(figure)
    halo = require("matplotlib.patheffects", "plots").withStroke(linewidth=2, foreground="white")
    family = _families()
    texts = [
        axes.annotate(
            name,
            place,
            (0, 0),
            textcoords="offset points",
            va="bottom",
            parse_math=False,
            fontsize=8.5,
            color=colour,
            family=family,
            path_effects=[halo],
        )
        for name, place, colour in zip(names, places, colours, strict=True)
    ]
    with _any_letter():
        for text in texts:
            text.set_in_layout(False)
        figure.draw_without_rendering()
        extents = [text.get_window_extent(canvas.get_renderer()).size for text in texts]
    point = 72 / figure.dpi  # in units of which all is, so that it holds for any resolution
    sizes = np.array(extents) * point
    frame = np.array(axes.get_window_extent().extents) * point
    offsets = _offsets(axes.transData.transform(places) * point, sizes, frame)
    for text, offset, size in zip(texts, offsets, sizes, strict=True):
        text.set_position(offset)
        gap = np.maximum(np.maximum(offset, -offset - size), 0)  # from the point to the nearest of the label
        if np.hypot(*gap) > FAR:
            end = np.clip(0, offset, offset + size)
            axes.annotate(
                "",
                text.xy,
                end,
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": text.get_color(), "lw": 0.5, "alpha": 0.6, "shrinkA": 0},
            )


def _offsets(
    points: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], frame: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """From each point (N, 2) to the lower left corner of its label: of some places around it, the one that hides least.

    Each label in turn chooses, knowing where the others are, until none moves. All in points of 1/72 inch; frame: left,
    bottom, right, top.
    """
    directions = [(np.cos(angle), np.sin(angle)) for angle in np.arange(0, 2 * np.pi, np.pi / 8)]
    rings = [(ring, np.array(way)) for ring in RINGS for way in directions]
    far = np.array([ring for ring, _ in rings])
    # Around the point the label's centre goes round a rectangle that keeps the label clear of it.
    candidates = np.array(
        [[ring * way + size / 2 * np.clip(1.5 * way, -1, 1) - size / 2 for ring, way in rings] for size in sizes]
    )
    low, high = points[:, None] + candidates, points[:, None] + candidates + sizes[:, None]
    ends = zip(low[:, :, None] - 3, high[:, :, None] + 3, strict=True)
    hides = np.array([((at < points) & (points < to)).all(axis=2).sum(axis=1) for at, to in ends])
    outside = (np.maximum(frame[:2] - low, 0) + np.maximum(high - frame[2:], 0)).sum(axis=2)
    fixed = 150.0 * hides + 50 * outside + 3 * far
    chosen = fixed.argmin(axis=1)
    everyone = np.arange(len(points))
    for _ in range(20):
        before = chosen.copy()
        for i in everyone:
            others = everyone != i
            at_low, at_high = low[others, chosen[others]], high[others, chosen[others]]
            overlap = np.minimum(high[i][:, None], at_high) - np.maximum(low[i][:, None], at_low)
            area = np.maximum(overlap, 0).prod(axis=2)
            chosen[i] = (fixed[i] + (area + 60 * (area > 0)).sum(axis=1)).argmin()
        if np.array_equal(chosen, before):
            break
    return candidates[everyone, chosen]


@contextmanager
def _any_letter() -> Iterator[None]:
    """A character that no font here has is drawn as a box, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def _families() -> list[str]:
    installed = {font.name for font in require("matplotlib.font_manager", "plots").fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in installed][:1]]
