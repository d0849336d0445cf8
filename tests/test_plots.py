import io
import sys
from pathlib import Path

import numpy as np
import pytest

from seqrl import plots
from seqrl.errors import InputError, MissingExtra

image = pytest.importorskip("matplotlib.image")

LINES = [
    {"step": 10, "train_loss": 3.0},
    {"step": 20, "train_loss": 2.0},
    {"step": 20, "valid_loss": 2.5, "valid_exact_match": 0.25},
]


def pixels(figure: object) -> np.ndarray:
    return image.imread(io.BytesIO(plots.png(figure)))


def test_a_heat_map_shows_each_weight_in_its_place() -> None:
    weights = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])
    figure = plots.attention(["a", "b", "c"], ["x", "<eos>"], weights)
    axes = figure.axes[0]
    assert np.array_equal(axes.images[0].get_array(), weights)
    assert axes.images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "<eos>"]
    assert pixels(figure).std() > 0.05


def test_letters_that_no_font_here_may_have_are_drawn_without_a_warning() -> None:
    assert pixels(plots.attention(["彼", "は", "ไทย"], ["$x_1$", "😀"], np.eye(3)[:2])).ndim == 3


@pytest.mark.parametrize("shape", [(2, 3), (0, 2), (3,)])
def test_weights_that_do_not_fit_their_labels_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="weights of shape"):
        plots.attention(["a", "b"], ["x"] * (shape[0] if shape[0] != 3 else 1), np.ones(shape))


def test_curves_have_the_points_of_the_metrics() -> None:
    losses, exact = plots.curves(LINES).axes
    train, valid = (line.get_xydata().tolist() for line in losses.lines)
    assert train == [[10, 3], [20, 2]]
    assert valid == [[20, 2.5]]
    assert [line.get_xydata().tolist() for line in exact.lines] == [[[20, 25]]]


def test_curves_of_a_run_without_metrics_are_empty() -> None:
    assert pixels(plots.curves([])).ndim == 3


def test_dialogue_curves_have_a_panel_for_the_latent_variable_where_there_is_one() -> None:
    lines = [{"step": 20, "train_loss": 2.0}, {"step": 20, "valid_loss": 2.5, "valid_exact_match": 0.25}]
    losses, exact = plots.dialogue_curves(lines).axes
    assert [line.get_xydata().tolist() for line in losses.lines] == [[[20, 2]], [[20, 2.5]]]
    assert [line.get_xydata().tolist() for line in exact.lines] == [[[20, 25]]]
    numbers = {"valid_bound": 3.0, "valid_reconstruction": 2.0, "valid_kl": 5.0, "valid_active_units": 4}
    figure = plots.dialogue_curves([*lines[:1], {"step": 20, **numbers, "kl_weight": 0.5}])
    losses, exact, latent = figure.axes
    assert losses.get_title() == "Negative bound a token"
    assert [line.get_ydata().tolist() for line in losses.lines] == [[2], [3], [2]]
    assert [line.get_ydata().tolist() for line in latent.lines] == [[5], [4], [0.5]]
    assert pixels(plots.dialogue_curves([])).ndim == 3


def test_curves_of_agents_have_their_interval_and_each_seed_behind_a_single_one() -> None:
    steps, each = np.array([5e3, 1e4, 2e4]), np.array([[np.nan, 1.0, 2.0], [0.0, 3.0, 4.0]])
    middle = np.array([np.nan, 2.0, 3.0])
    band = plots.Band(steps, middle, middle - 1, middle + 1, each)
    [axes] = plots.return_curves({"dqn": band}, "dqn on CartPole-v1").axes
    assert [line.get_ydata().tolist()[1:] for line in axes.lines] == [[1, 2], [3, 4], [2, 3]]
    assert axes.lines[-1].get_xdata().tolist() == [5, 10, 20]
    assert axes.get_xlabel() == "thousands of steps"
    assert len(axes.collections) == 1
    assert axes.get_title() == "dqn on CartPole-v1\ninterquartile mean of 2 seeds, 95 % interval"
    alone = plots.Band(steps / 10, each[0], each=each[:1])
    figure = plots.return_curves({"dqn": alone, "ppo": alone}, "CartPole-v1")
    [axes] = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dqn", "ppo"]  # not across the curves
    assert axes.get_title() == "CartPole-v1"
    assert axes.get_xlabel() == "steps"
    assert len({line.get_color() for line in axes.lines}) == 2
    assert not axes.collections


def test_a_curve_of_one_point_is_seen() -> None:
    steps, nothing = np.array([1.0, 2.0]), np.nan
    [axes] = plots.return_curves({"dqn": plots.Band(steps, np.array([nothing, 3.0]))}, "").axes
    assert axes.lines[0].get_marker() == "o"
    [axes] = plots.return_curves({"dqn": plots.Band(steps, np.array([2.0, 3.0]))}, "").axes
    assert axes.lines[0].get_marker() == "None"


def test_a_picture_is_a_png_and_a_bad_place_for_it_is_said(tmp_path: Path) -> None:
    plots.save(plots.curves(LINES), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"missing/a.png: can't be written"):
        plots.save(plots.curves(LINES), tmp_path / "missing" / "a.png")


@pytest.mark.parametrize(("ending", "beginning"), [(".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_a_picture_has_the_format_that_its_name_ends_in(tmp_path: Path, ending: str, beginning: bytes) -> None:
    plots.save(plots.curves(LINES), tmp_path / f"a{ending}")
    assert (tmp_path / f"a{ending}").read_bytes().startswith(beginning)


def test_a_picture_under_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jpg: a picture's name; expected one that ends in \.png, \.svg, \.pdf"):
        plots.save(plots.curves(LINES), tmp_path / "a.jpg")
    assert not any(tmp_path.iterdir())


def test_pyplot_is_not_imported() -> None:
    plots.png(plots.curves(LINES))
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises((MissingExtra, ImportError), match="matplotlib"):
        plots.curves(LINES)


def test_a_history_has_a_panel_for_the_loss_and_for_each_metric() -> None:
    losses, accuracy = plots.history([1, 2], {"loss": [3, 2], "val_loss": [4, 5], "accuracy": [0.5, 0.75]}).axes
    assert [line.get_xydata().tolist() for line in losses.lines] == [[[1, 3], [2, 2]], [[1, 4], [2, 5]]]
    assert [line.get_xydata().tolist() for line in accuracy.lines] == [[[1, 0.5], [2, 0.75]]]
    assert pixels(plots.history([], {})).ndim == 3


def test_a_confusion_matrix_has_a_count_in_each_cell_that_is_not_empty() -> None:
    axes = plots.confusion(np.array([[8, 2], [0, 0]]), ["cat", "dog"]).axes[0]
    assert {(text.get_text(), text.get_position()) for text in axes.texts} == {("8", (0, 0)), ("2", (1, 0))}
    assert np.allclose(axes.images[0].get_array() ** 2, [[0.8, 0.2], [0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    with pytest.raises(InputError, match=r"counts of shape \(2, 2\) for 1 classes"):
        plots.confusion(np.eye(2, dtype=int), ["cat"])


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_in_order_with_their_captions(channels: int, rng: np.random.Generator) -> None:
    pictures = rng.uniform(size=(3, channels, 4, 5))
    grid = plots.images(pictures, ["a", "b", "c"], columns=2).axes
    assert [axes.get_title() for axes in grid] == ["a", "b", "c", ""]
    for axes, picture in zip(grid, pictures, strict=False):
        assert np.array_equal(axes.images[0].get_array(), picture[0] if channels == 1 else picture.transpose(1, 2, 0))
    assert pixels(plots.images(pictures[:0], [])).ndim == 3
    with pytest.raises(InputError, match="2 captions"):
        plots.images(pictures, ["a", "b"])


def test_words_lie_where_their_principal_components_say(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(6, 5))
    words = dict(zip("abcdef", vectors, strict=True))
    groups = {"first": {word: words[word] for word in "abcd"}, "second": {word: words[word] for word in "ef"}}
    axes = plots.words(groups).axes[0]
    drawn = np.concatenate([line.get_xydata() for line in axes.lines])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    variances, directions = np.linalg.eigh(np.cov(unit.T, ddof=0))
    expected = (unit - unit.mean(axis=0)) @ directions[:, [-1, -2]]
    assert np.allclose(np.abs(drawn), np.abs(expected))  # the signs are arbitrary
    assert f"{variances[-1] / variances.sum():.0%} of the variance" in axes.get_xlabel()
    assert [text.get_text() for text in axes.texts if text.get_text()] == list("abcdef")
    assert [tuple(text.xy) for text in axes.texts if text.get_text()] == [tuple(place) for place in drawn]


def test_words_of_a_group_share_a_colour_which_the_legend_names(rng: np.random.Generator) -> None:
    groups = {name: {f"{name}{i}": rng.normal(size=4) for i in range(2)} for name in ["a", "_b", "$c$", "d", *"efgh"]}
    figure = plots.words(groups)
    axes, legend = figure.axes[0], figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == list(groups)
    looks = [(line.get_color(), line.get_marker()) for line in axes.lines]
    assert len(set(looks)) == len(groups)
    labels = [text for text in axes.texts if text.get_text()]
    assert all(labels[2 * i].get_color() == labels[2 * i + 1].get_color() for i in range(len(groups)))
    assert pixels(figure).std() > 0.02
    assert not plots.words({"": {word: rng.normal(size=4) for word in "abc"}}).legends


def test_labels_of_words_hide_neither_each_other_nor_points(rng: np.random.Generator) -> None:
    centres = rng.normal(size=(6, 20))
    groups = {
        f"group {i}": {f"word{i}{j}": centre + rng.normal(scale=0.4, size=20) for j in range(8)}
        for i, centre in enumerate(centres)
    }
    figure = plots.words(groups)
    axes = figure.axes[0]
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer).extents for text in axes.texts if text.get_text()]
    points = axes.transData.transform(np.concatenate([line.get_xydata() for line in axes.lines]))
    for i, (left, bottom, right, top) in enumerate(boxes):
        assert not ((points > (left, bottom)) & (points < (right, top))).all(axis=1).any()
        for other in boxes[:i]:
            assert left >= other[2] or right <= other[0] or bottom >= other[3] or top <= other[1]
    assert np.min(boxes, axis=0)[0] > axes.get_window_extent().x0
    assert np.max(boxes, axis=0)[2] < axes.get_window_extent().x1


def test_words_that_all_lie_in_one_place_or_on_a_line_are_drawn() -> None:
    for vectors in np.zeros((3, 4)), np.ones((3, 4)), np.array([[1.0], [-1.0], [2.0]]):
        figure = plots.words({"": dict(zip(["x", "$x_1$", "犬"], vectors, strict=True))})
        assert pixels(figure).ndim == 3


def test_less_than_three_words_have_no_plane() -> None:
    with pytest.raises(InputError, match="2 words to draw; expected 3 or more"):
        plots.words({"": {"a": np.ones(2), "b": np.zeros(2)}})
