"""Sequential as Keras users hold it."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqrl
from seqrl.activations import ReLU, Tanh
from seqrl.errors import InputError
from seqrl.layer import Layer
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.normalization import BatchNorm
from seqrl.layers.pooling import Flatten
from seqrl.layers.recurrent import LSTM
from seqrl.losses import mean_squared_error, softmax_cross_entropy
from seqrl.optimizers import LBFGS, SGD, Adam
from seqrl.parameter import Array, Parameter
from seqrl.regularizers import l2
from seqrl.schedules import linear
from seqrl.training import fitting, metrics, runs
from seqrl.training.callbacks import EarlyStopping, History, LearningRate
from seqrl.training.sequential import Sequential

Data = tuple[Array, Array]


def network(dropout: float = 0.0, normal: bool = False, seed: int = 1) -> Sequential:
    rng = np.random.default_rng(seed)
    extra: list[Layer] = [BatchNorm(8)] if normal else []
    extra += [Dropout(dropout, rng=np.random.default_rng(5))] if dropout else []
    return Sequential([Dense(3, 8, rng=rng), *extra, Tanh(), Dense(8, 4, rng=rng)])


def compiled(
    optimizer: Any = "adam", loss: Any = "softmax_cross_entropy", metrics: Any = (), **made: Any
) -> Sequential:
    options = {name: made.pop(name) for name in ("regularizer", "max_norm") if name in made}
    model = network(**made)
    model.compile(optimizer, loss, metrics, **options)
    return model


@pytest.fixture
def data() -> Data:
    """50 rows in 4 classes, of which the weights of a linear map decide."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    return x, (x @ rng.normal(size=(3, 4))).argmax(axis=1)


def quiet(model: Sequential, data: Data, **options: Any) -> History:
    return model.fit(*data, verbose=False, **options)


def weights(model: Layer) -> Array:
    return np.concatenate([array.ravel() for array in model.state().values()])


# ---- fit -----------------------------------------------------------------------------------------------------


def test_the_history_has_a_number_an_epoch_for_the_loss_and_every_metric(data: Data) -> None:
    model = compiled(metrics=["accuracy", "top_k_accuracy"])
    history = quiet(model, data, epochs=3, validation_split=0.2)
    names = ["loss", "accuracy", "top_k_accuracy"]
    assert list(history.history) == names + [f"val_{name}" for name in names]
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epochs == [1, 2, 3]
    assert history.ended == "finished"
    assert model.history is history


def test_a_step_is_the_optimizers_on_the_mean_loss_of_the_batch(data: Data) -> None:
    x, y = data
    model, by_hand = compiled(partial(SGD, lr=0.5)), network()
    optimizer = SGD(by_hand.parameters(), 0.5)
    losses = []
    for start in 0, 32:
        rows = slice(start, start + 32)
        prediction, backward = by_hand.forward(x[rows])
        loss, gradient = softmax_cross_entropy(prediction, y[rows])
        backward(gradient)
        optimizer.step()
        losses.append(loss * len(x[rows]))
    history = quiet(model, data, shuffle=False)
    assert np.array_equal(weights(model), weights(by_hand))
    assert history.history["loss"] == pytest.approx([sum(losses) / 50])


def test_metrics_of_training_are_over_the_outputs_in_training(data: Data) -> None:
    model = compiled(partial(SGD, lr=1e-12), metrics=["accuracy"])
    history = quiet(model, data, batch_size=7)
    assert history.history["accuracy"][0] == model.evaluate(*data)["accuracy"]
    assert history.history["loss"][0] == pytest.approx(model.evaluate(*data)["loss"])


def test_the_order_is_reproducible_by_seed(data: Data) -> None:
    def trained(**options: Any) -> Array:
        model = compiled()
        quiet(model, data, epochs=2, batch_size=10, **options)
        return weights(model)

    assert np.array_equal(trained(), trained())
    assert np.array_equal(trained(rng=3), trained(rng=np.random.default_rng(3)))
    assert not np.array_equal(trained(), trained(rng=3))
    assert not np.array_equal(trained(), trained(shuffle=False))


@pytest.mark.parametrize("rng", [None, 3])
def test_two_fits_are_one(rng: int | None, data: Data) -> None:
    whole, parts = (compiled(dropout=0.3, normal=True, metrics=["accuracy"]) for _ in range(2))
    expected = quiet(whole, data, epochs=5, batch_size=16, rng=rng).history
    generator = None if rng is None else np.random.default_rng(rng)
    first = quiet(parts, data, epochs=2, batch_size=16, rng=generator).history
    second = quiet(parts, data, epochs=3, batch_size=16, rng=generator).history
    assert np.array_equal(weights(parts), weights(whole))
    assert {name: first[name] + second[name] for name in first} == expected


def test_a_weight_of_2_is_the_row_twice_and_0_the_row_left_out(data: Data) -> None:
    x, y = data[0][:6], data[1][:6]
    weight = [1, 2, 1, 0, 2, 1]
    rows = np.repeat(np.arange(6), weight)
    weighted, repeated = (compiled(partial(SGD, lr=0.1), metrics=["accuracy"]) for _ in range(2))
    found = quiet(weighted, (x, y), epochs=3, sample_weight=weight).history
    expected = quiet(repeated, (x[rows], y[rows]), epochs=3).history
    np.testing.assert_allclose(weights(weighted), weights(repeated), rtol=1e-5, atol=1e-7)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])
    assert weighted.evaluate(x, y, weight) == pytest.approx(repeated.evaluate(x[rows], y[rows]), rel=1e-6)


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_squared_error", "huber"])
def test_weights_count_in_losses_over_elements_and_over_rows(loss: str, data: Data, rng: np.random.Generator) -> None:
    x, y = data[0][:4], rng.normal(size=(4, 4)).astype(np.float32)
    model = compiled(loss=loss)
    found = model.evaluate(x, y, [1, 0, 3, 0])["loss"]
    assert found == pytest.approx(model.evaluate(x[[0, 2, 2, 2]], y[[0, 2, 2, 2]])["loss"], rel=1e-6)


def test_batches_of_which_no_row_counts_change_nothing(data: Data) -> None:
    x, y = data[0][:8], data[1][:8]
    weight = [1, 1, 1, 1, 0, 0, 0, 0]
    model, half = (compiled(partial(SGD, lr=0.1)) for _ in range(2))
    found = quiet(model, (x, y), batch_size=4, shuffle=False, sample_weight=weight).history["loss"]
    assert found == pytest.approx(quiet(half, (x[:4], y[:4]), batch_size=4, shuffle=False).history["loss"])
    np.testing.assert_allclose(weights(model), weights(half), rtol=1e-6, atol=1e-7)
    assert model.evaluate(x, y, weight, batch_size=4)["loss"] == pytest.approx(half.evaluate(x[:4], y[:4])["loss"])


def test_one_hot_targets_give_what_ids_give(data: Data) -> None:
    x, y = data
    ids, one_hot = compiled(metrics=["accuracy"]), compiled(metrics=["accuracy"])
    assert quiet(ids, (x, y)).history == quiet(one_hot, (x, np.eye(4)[y])).history
    assert np.array_equal(weights(ids), weights(one_hot))


def test_float64_and_integers_give_what_float32_gives(data: Data) -> None:
    x, y = (data[0] * 10).round().astype(np.float32), data[1]
    expected = compiled()
    quiet(expected, (x, y))
    for dtype in (np.float64, np.int64, np.int8):
        model = compiled()
        quiet(model, (x.astype(dtype), y))
        assert np.array_equal(weights(model), weights(expected))
        assert np.array_equal(model.predict(x.astype(dtype)), model.predict(x))
        assert model.predict(x.astype(dtype)).dtype == np.float32


def test_validation_split_keeps_the_last_rows(data: Data) -> None:
    x, y = data
    split, given = compiled(metrics=["accuracy"]), compiled(metrics=["accuracy"])
    found = quiet(split, data, epochs=2, validation_split=0.2).history
    assert found == quiet(given, (x[:40], y[:40]), epochs=2, validation_data=(x[40:], y[40:])).history
    assert given.evaluate(x[40:], y[40:]) == {"loss": found["val_loss"][-1], "accuracy": found["val_accuracy"][-1]}


def test_validation_data_may_have_weights(data: Data) -> None:
    x, y = data
    model = compiled()
    weight = np.arange(50) % 3
    history = quiet(model, data, validation_data=(x, y, weight)).history
    assert history["val_loss"] == [model.evaluate(x, y, weight)["loss"]]


@pytest.mark.parametrize("layers", ["dense", "convolution"])
def test_two_parts_of_a_batch_give_what_the_whole_gives(
    layers: str, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model() -> Sequential:
        rng = np.random.default_rng(0)
        if layers == "dense":
            made = network()
        else:
            made = Sequential([Conv2D(1, 2, 2, rng=rng, padding="same"), ReLU(), Flatten(), Dense(6, 4, rng=rng)])
        made.compile(partial(SGD, lr=0.1), "softmax_cross_entropy", ["accuracy"], regularizer=l2(0.01))
        return made

    x = data[0] if layers == "dense" else data[0].reshape(50, 1, 3, 1)
    weight = np.arange(50) % 3
    one = model()
    expected = quiet(one, (x, data[1]), epochs=2, batch_size=16, sample_weight=weight)
    assert one.compiled is not None and one.compiled.replicas is None
    monkeypatch.setattr(fitting, "WORTH_SPLITTING", 0)
    two = model()
    found = quiet(two, (x, data[1]), epochs=2, batch_size=16, sample_weight=weight)
    assert two.compiled is not None and two.compiled.replicas is not None
    np.testing.assert_allclose(weights(two), weights(one), rtol=1e-4, atol=1e-6)
    assert found.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-5)
    assert found.history["accuracy"] == expected.history["accuracy"]


def test_a_batch_is_not_split_where_its_parts_would_mean_something_else(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "WORTH_SPLITTING", 0)
    normal, own_loss = compiled(normal=True), compiled(loss=lambda p, y: softmax_cross_entropy(p, y))
    for model in normal, own_loss:
        quiet(model, data)
        assert model.compiled is not None and model.compiled.replicas is None


def test_a_last_batch_of_one_row_is_no_trap_for_batch_norm(data: Data) -> None:
    model = compiled(normal=True, metrics=["accuracy"])
    history = quiet(model, (data[0][:33], data[1][:33]), batch_size=16, epochs=2)
    assert history.ended == "finished"
    assert model.compiled is not None and model.compiled.optimizer.steps == 4


def test_small_batches_after_large_ones_are_not_split(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    per_row = fitting.multiplications(network(), data[0][:1])
    assert per_row == 3 * 8 + 8 * 4
    monkeypatch.setattr(fitting, "WORTH_SPLITTING", 40 * per_row)
    both, one = compiled(partial(SGD, lr=1e-12)), compiled()
    quiet(both, data, batch_size=50)
    assert both.compiled is not None and both.compiled.replicas is not None
    both.load_state_dict(one.state_dict())
    both.compiled.optimizer.lr = 0.1
    one.compile(partial(SGD, lr=0.1), "softmax_cross_entropy")
    for model in both, one:
        quiet(model, data, batch_size=10, rng=3)
    assert np.array_equal(weights(both), weights(one))


def test_only_what_the_optimizer_has_is_learned(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "WORTH_SPLITTING", 0)
    model = network()
    model.compile(Adam(model.layers[-1].parameters()), "softmax_cross_entropy")
    frozen, learned = (layer.state_dict()["weight"] for layer in (model.layers[0], model.layers[-1]))
    quiet(model, data)
    assert np.array_equal(model.layers[0].state()["weight"], frozen)
    assert not np.array_equal(model.layers[-1].state()["weight"], learned)


def test_a_regularizer_joins_the_loss_and_the_gradient(data: Data) -> None:
    plain, held = compiled(partial(SGD, lr=0.1)), compiled(partial(SGD, lr=0.1), regularizer=l2(0.3))
    before = {name: p.value.copy() for name, p in held.parameters()}
    penalty = sum(0.15 * (value**2).sum() for name, value in before.items() if "weight" in name)
    assert held.evaluate(*data)["loss"] == pytest.approx(plain.evaluate(*data)["loss"] + penalty, rel=1e-6)
    loss = quiet(held, data, batch_size=50).history["loss"]
    assert loss == pytest.approx([quiet(plain, data, batch_size=50).history["loss"][0] + penalty], rel=1e-6)
    for (name, with_penalty), (_, without) in zip(held.parameters(), plain.parameters(), strict=True):
        shrunk = 0.1 * 0.3 * before[name] if "weight" in name else 0
        np.testing.assert_allclose(with_penalty.value, without.value - shrunk, rtol=1e-4, atol=1e-6)


def test_max_norm_bounds_what_comes_into_a_unit(data: Data) -> None:
    model = compiled(partial(SGD, lr=1.0), max_norm=0.5)
    quiet(model, data, epochs=3)
    for layer in model.layers[0], model.layers[-1]:
        norms = np.linalg.norm(layer.weight.value, axis=0)
        assert norms.max() == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["lbfgs", partial(LBFGS, max_iter=50)])
def test_lbfgs_fits_a_line_in_one_step(optimizer: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 2)).astype(np.float32)
    model = Sequential([Dense(2, 1, rng=rng)])
    model.compile(optimizer, "mean_squared_error", ["r2"])
    history = quiet(model, (x, x @ [3, -2] + 1), batch_size=3, epochs=2).history
    assert history["loss"][1] < 1e-8 < 1 < history["loss"][0]
    assert history["r2"][1] > 1 - 1e-6 > history["r2"][0]
    np.testing.assert_allclose(model.layers[0].weight.value, [[3], [-2]], atol=1e-3)


def test_lbfgs_minimises_the_penalty_too(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 2)).astype(np.float64)
    y = x @ [3, -2]
    model = Sequential([Dense(2, 1, rng=rng, bias=False)]).astype(np.float64)
    model.compile(partial(LBFGS, max_iter=100), "mean_squared_error", regularizer=l2(0.5))
    quiet(model, (x, y))
    ridge = np.linalg.solve(2 / 40 * x.T @ x + 0.5 * np.eye(2), 2 / 40 * x.T @ y)
    np.testing.assert_allclose(model.layers[0].weight.value[:, 0], ridge, rtol=1e-5)


# ---- callbacks -----------------------------------------------------------------------------------------------


def test_a_function_is_called_after_every_epoch_and_may_end_training(data: Data) -> None:
    seen: list[tuple[int, dict[str, float]]] = []

    def watch(epoch: int, metrics: dict[str, float]) -> bool:
        seen.append((epoch, dict(metrics)))
        return epoch == 2

    history = quiet(compiled(), data, epochs=5, callbacks=watch)
    assert history.ended == "stopped" and history.epochs == [1, 2]
    assert seen == [(k + 1, {"loss": history.history["loss"][k]}) for k in range(2)]


def test_early_stopping_restores_the_best_weights(data: Data) -> None:
    kept: list[Array] = []
    model = compiled(partial(Adam, lr=0.3))
    watch = lambda epoch, metrics: kept.append(weights(model).copy())  # noqa: E731
    history = quiet(model, data, epochs=200, validation_split=0.4, callbacks=[EarlyStopping(patience=3), watch])
    losses = history.history["val_loss"]
    best = int(np.argmin(losses))
    assert history.ended == "stopped early" and len(losses) == best + 1 + 3
    assert np.array_equal(weights(model), kept[best])


def test_early_stopping_can_leave_the_last_weights(data: Data) -> None:
    kept: list[Array] = []
    model = compiled(partial(Adam, lr=0.3))
    watch = lambda epoch, metrics: kept.append(weights(model).copy())  # noqa: E731
    stopping = EarlyStopping(patience=2, restore_best=False)
    quiet(model, data, epochs=200, validation_split=0.4, callbacks=[stopping, watch])
    assert np.array_equal(weights(model), kept[-1])


def test_early_stopping_knows_which_way_is_better(data: Data) -> None:
    for metric, stopping in [
        ("accuracy", EarlyStopping(2, "accuracy")),
        (lambda p, y: -float((p.argmax(1) != y).mean()), EarlyStopping(2, "<lambda>", "max")),
    ]:
        history = quiet(compiled(partial(Adam, lr=0.1), metrics=metric), data, epochs=100, callbacks=[stopping])
        values = history.history[stopping.monitor or ""]
        assert history.ended == "stopped early"
        assert len(values) == int(np.argmax(values)) + 1 + 2 > 4
    with pytest.raises(InputError, match="'<lambda>', a metric of one's own; expected mode='min' or 'max'"):
        quiet(compiled(metrics=lambda p, y: 0.0), data, callbacks=[EarlyStopping(2, "<lambda>")])


def test_a_schedule_multiplies_the_rate_step_by_step_and_ends_with_the_call(data: Data) -> None:
    model = compiled(partial(SGD, lr=0.5))
    assert model.compiled is not None
    optimizer, rates = model.compiled.optimizer, []
    watch = lambda epoch, metrics: rates.append(optimizer.lr)  # noqa: E731
    quiet(model, data, epochs=3, batch_size=25, callbacks=[LearningRate(linear(6)), watch])
    assert rates == pytest.approx([0.5 * 5 / 6, 0.5 * 3 / 6, 0.5 * 1 / 6])
    assert optimizer.lr == 0.5


def test_a_rate_that_a_callback_sets_stays(data: Data) -> None:
    model = compiled(partial(SGD, lr=0.5))
    assert model.compiled is not None
    optimizer = model.compiled.optimizer

    def halve(epoch: int, metrics: dict[str, float]) -> None:
        optimizer.lr /= 2

    quiet(model, data, epochs=3, callbacks=[halve])
    assert optimizer.lr == 0.5 / 8


# ---- evaluate and predict ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_evaluate_is_exact_for_any_batch_size(batch_size: int, data: Data) -> None:
    x, y = data
    model = compiled(metrics=["accuracy", "top_k_accuracy"])
    prediction = model(x)
    expected = {
        "loss": softmax_cross_entropy(prediction, y)[0],
        "accuracy": float((prediction.argmax(axis=1) == y).mean()),
        "top_k_accuracy": 1.0,
    }
    assert model.evaluate(x, y, batch_size=batch_size) == pytest.approx(expected, rel=1e-6)


def test_a_metric_that_is_no_mean_of_rows_is_exact_too(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=40).astype(np.float32)
    model = Sequential([Dense(3, 1, rng=rng)])
    model.compile(loss="mean_squared_error", metrics="r2")
    t = y[:, None].astype(np.float64)
    expected = 1 - ((t - model(x)) ** 2).sum() / ((t - t.mean()) ** 2).sum()
    assert model.evaluate(x, y, batch_size=7)["r2"] == pytest.approx(expected, rel=1e-6)
    assert quiet(model, (x, y), batch_size=7, validation_data=(x, y)).history["val_r2"] == [model.evaluate(x, y)["r2"]]


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_predict_gives_what_a_call_gives(batch_size: int, data: Data) -> None:
    model = network(dropout=0.5, normal=True)
    np.testing.assert_allclose(model.predict(data[0], batch_size=batch_size), model(data[0]), rtol=1e-5, atol=1e-6)


def test_logits_and_probabilities_have_the_same_accuracy(rng: np.random.Generator) -> None:
    from seqrl.activations import Sigmoid

    x = rng.normal(size=(100, 3)).astype(np.float32)
    y = (x.sum(axis=1) > 0.3).astype(np.float32)
    dense = Dense(3, 1, rng=rng)
    accuracies = []
    for layers, loss, targets in [
        ([dense], "binary_cross_entropy_with_logits", y),
        ([dense, Sigmoid()], "binary_cross_entropy", y),
        ([dense], "hinge", 2 * y - 1),
    ]:
        model = Sequential(layers)
        model.compile(loss=loss, metrics=["accuracy"])
        accuracies.append(model.evaluate(x, targets)["accuracy"])
    assert accuracies[0] == accuracies[1] == accuracies[2] == ((dense(x)[:, 0] > 0) == y).mean()


def test_ids_go_into_an_embedding(rng: np.random.Generator) -> None:
    model = Sequential([Embedding(6, 3, rng=rng), Flatten(), Dense(6, 2, rng=rng)])
    model.compile(partial(Adam, lr=0.02), "softmax_cross_entropy", ["accuracy"])
    ids = rng.integers(0, 6, (200, 2)).astype(np.uint8)
    history = quiet(model, (ids, (ids[:, 0] > ids[:, 1]).astype(int)), epochs=60)
    assert history.history["accuracy"][-1] > 0.95


# ---- it learns -----------------------------------------------------------------------------------------------


def test_it_learns_xor() -> None:
    rng = np.random.default_rng(0)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    model = Sequential([Dense(2, 8, rng=rng), Tanh(), Dense(8, 1, rng=rng)])
    model.compile(partial(Adam, lr=0.05), "binary_cross_entropy_with_logits", ["accuracy"])
    quiet(model, (x, [0, 1, 1, 0]), epochs=200)
    assert model.evaluate(x, [0, 1, 1, 0])["accuracy"] == 1
    assert (model.predict(x)[:, 0] > 0).tolist() == [False, True, True, False]


def test_it_learns_a_spiral_that_no_line_separates() -> None:
    rng = np.random.default_rng(0)
    t = np.tile(np.linspace(0.1, 1, 100), 3)
    y = np.repeat([0, 1, 2], 100)
    angle = 4 * t + y * 2 * np.pi / 3 + 0.1 * rng.normal(size=300)
    x = np.stack([t * np.sin(angle), t * np.cos(angle)], axis=1)
    line = Sequential([Dense(2, 3, rng=rng)])
    net = Sequential([Dense(2, 32, rng=rng), ReLU(), Dense(32, 3, rng=rng)])
    for model in line, net:
        model.compile(partial(Adam, lr=0.03), "softmax_cross_entropy", ["accuracy"])
        quiet(model, (x, y), epochs=80)
    assert line.evaluate(x, y)["accuracy"] < 0.75
    assert net.evaluate(x, y)["accuracy"] > 0.95


def test_it_learns_shifted_pictures_by_convolution() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.integers(0, 2, (4, 3, 3)) * 255

    def pictures(n: int) -> tuple[Any, Any]:
        y = rng.integers(0, 4, n)
        x = rng.integers(0, 60, (n, 1, 7, 7)).astype(np.uint8)
        for picture, label in zip(x, y, strict=True):
            i, j = rng.integers(0, 5, 2)
            picture[0, i : i + 3, j : j + 3] = shapes[label]
        return x, y

    model = Sequential(
        [Conv2D(1, 8, 3, rng=rng), BatchNorm(8), ReLU(), Flatten(), Dense(200, 4, rng=rng)],
    )
    model.compile(partial(Adam, lr=0.01), "softmax_cross_entropy", ["accuracy"])
    quiet(model, pictures(400), epochs=8)
    assert model.evaluate(*pictures(200))["accuracy"] > 0.95


# ---- files ---------------------------------------------------------------------------------------------------


class Scale(Layer):
    """A layer of somebody's own."""

    def __init__(self, size: int) -> None:
        self.factor = Parameter(np.ones(size))

    def forward(self, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        def backward(dy: Array) -> Array:
            self.factor.grad += (dy * x).sum(axis=0)
            return dy * self.factor.value

        return x * self.factor.value, backward


def own_loss(prediction: Array, target: Any) -> tuple[float, Array]:
    return mean_squared_error(prediction, target)


def own_metric(prediction: Array, target: Any) -> float:
    return float(np.abs(prediction - target).max())


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        "lbfgs",
        partial(SGD, lr=0.1, momentum=0.9, nesterov=True),
        partial(Adam, lr=0.01, betas=(0.8, 0.9), clip=1),
    ],
)
def test_a_saved_model_predicts_and_trains_on_as_the_one_that_was_not(
    optimizer: Any, data: Data, tmp_path: Path
) -> None:
    model = compiled(
        optimizer, dropout=0.0 if optimizer == "lbfgs" else 0.3, normal=True, metrics=["accuracy", "mae"][:1]
    )
    quiet(model, data, epochs=3)
    model.save(tmp_path / "model.safetensors")
    loaded = Sequential.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict(data[0]), model.predict(data[0]))
    assert loaded.evaluate(*data) == model.evaluate(*data)
    expected = quiet(model, data, epochs=2).history
    assert quiet(loaded, data, epochs=2).history == expected
    assert np.array_equal(weights(loaded), weights(model))


def test_a_model_saved_after_training_in_two_parts_trains_on_in_two_parts(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "WORTH_SPLITTING", 0)
    model = compiled(dropout=0.3)
    quiet(model, data, epochs=2)
    model.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model")
    quiet(model, data)
    quiet(loaded, data)
    assert np.array_equal(weights(loaded), weights(model))


def test_options_of_losses_and_metrics_are_saved(data: Data, tmp_path: Path) -> None:
    smoothed = partial(softmax_cross_entropy, label_smoothing=0.2)
    top2 = partial(metrics.top_k_accuracy, k=2)
    model = compiled(loss=smoothed, metrics=[top2], max_norm=1.5)
    model.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model")
    assert loaded.evaluate(*data) == model.evaluate(*data)
    assert loaded.compiled is not None and loaded.compiled.objective.max_norm == 1.5


def test_what_is_ones_own_is_handed_over_at_loading(tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=(20, 3)).astype(np.float32)
    model = Sequential([Dense(3, 3, rng=rng), Scale(3)])
    model.compile("sgd", own_loss, [own_metric])
    quiet(model, (x, y))
    path = tmp_path / "model"
    model.save(path)
    loaded = Sequential.load(path, own=[Scale, own_loss, own_metric])
    assert loaded.evaluate(x, y) == model.evaluate(x, y)
    to_predict = Sequential.load(path, own=[Scale])
    assert np.array_equal(to_predict.predict(x), model.predict(x))
    with pytest.raises(
        InputError, match=r"fit: .* loaded without .*: its loss is the function 'own_loss', which is not in"
    ):
        quiet(to_predict, (x, y))
    with pytest.raises(InputError, match=rf"{path}: the architecture has 'Scale', which is not of this library"):
        Sequential.load(path)


def test_what_has_no_name_is_left_out_of_the_file_and_that_is_said(data: Data, tmp_path: Path) -> None:
    for model, reason in [
        (compiled(regularizer=l2(0.1)), "its regularizer is a function that no name stands for"),
        (compiled(loss=lambda p, y: softmax_cross_entropy(p, y)), "its loss is a function that no name stands for"),
    ]:
        quiet(model, data)
        model.save(tmp_path / "model")
        loaded = Sequential.load(tmp_path / "model")
        assert np.array_equal(loaded.predict(data[0]), model.predict(data[0]))
        with pytest.raises(InputError, match=f"saved without what it was compiled with: {reason}"):
            loaded.evaluate(*data)


def test_a_model_of_float64_is_one_again(data: Data, tmp_path: Path) -> None:
    model = network(normal=True).astype(np.float64)
    model.compile("adam", "softmax_cross_entropy")
    quiet(model, data, out=tmp_path / "run")
    model.save(tmp_path / "model")
    for loaded in Sequential.load(tmp_path / "model"), seqrl.load(tmp_path / "run"):
        assert loaded.dtype == np.float64
        assert np.array_equal(loaded.predict(data[0]), model.predict(data[0]))


def test_a_model_that_was_never_compiled_can_be_saved(data: Data, tmp_path: Path) -> None:
    model = network(normal=True)
    model.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model")
    assert np.array_equal(loaded.predict(data[0]), model.predict(data[0]))


def test_tied_weights_are_tied_in_a_loaded_model(tmp_path: Path, rng: np.random.Generator) -> None:
    dense = Dense(3, 2, rng=rng)
    model = Sequential([dense, Tanh(), TiedDense(dense)])
    model.compile("adam", "mean_squared_error")
    model.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model")
    x = rng.normal(size=(20, 3)).astype(np.float32)
    for one in model, loaded:
        quiet(one, (x, x), epochs=2)
    assert loaded.layers[2].weight is loaded.layers[0].weight
    assert np.array_equal(weights(loaded), weights(model))


def test_files_of_other_kinds_are_refused(tmp_path: Path, data: Data) -> None:
    from seqrl.training import checkpoint

    checkpoint.write(tmp_path / "other", {}, {})
    with pytest.raises(InputError, match="other: damaged, or no description of a Sequential"):
        Sequential.load(tmp_path / "other")
    model = compiled()
    model.save(tmp_path / "model")
    content = checkpoint.read(tmp_path / "model")
    for change in {"dtype": "float3"}, {"input_shape": 3}, {"compile": {"loss": 3}}, {"architecture": {"layer": 3}}:
        checkpoint.write(tmp_path / "damaged", content.arrays, {**content.state, **change})
        with pytest.raises(InputError, match="damaged: "):
            Sequential.load(tmp_path / "damaged")
    with pytest.raises(InputError, match="missing: can't read"):
        Sequential.load(tmp_path / "missing")


# ---- run folders ---------------------------------------------------------------------------------------------


def run(folder: Path, data: Data, epochs: int = 4, callbacks: Any = (), **options: Any) -> tuple[Sequential, History]:
    model = compiled(dropout=0.3, normal=True, metrics=["accuracy"])
    options = {"batch_size": 20, "validation_split": 0.2, **options}
    return model, quiet(model, data, epochs=epochs, out=folder, callbacks=callbacks, **options)


class Crash(Exception):
    pass


def crash_after(epochs: int) -> Callable[[int, dict[str, float]], None]:
    def callback(epoch: int, metrics: dict[str, float]) -> None:
        if epoch == epochs:
            raise Crash

    return callback


def test_a_run_folder_changes_nothing_about_the_result(data: Data, tmp_path: Path) -> None:
    model, history = run(tmp_path / "run", data)
    plain = compiled(dropout=0.3, normal=True, metrics=["accuracy"])
    expected = quiet(plain, data, epochs=4, batch_size=20, validation_split=0.2)
    assert history == expected
    assert np.array_equal(weights(model), weights(plain))


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_that_died_and_is_called_again_ends_with_the_same_bits(epochs: int, data: Data, tmp_path: Path) -> None:
    whole, expected = run(tmp_path / "whole", data)
    with pytest.raises(Crash):
        run(tmp_path / "run", data, callbacks=[crash_after(epochs)])
    again, history = run(tmp_path / "run", data)
    assert history == expected
    assert np.array_equal(weights(again), weights(whole))
    lines, expected_lines = (
        [{k: v for k, v in line.items() if k not in runs.TIMES} for line in runs.read_metrics(folder)]
        for folder in (tmp_path / "run", tmp_path / "whole")
    )
    assert lines == expected_lines


def test_a_run_stopped_inside_an_epoch_ends_with_the_same_bits(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal

    from seqrl.training.supervised import SupervisedTask

    whole, expected = run(tmp_path / "whole", data, batch_size=7)
    learn, steps = SupervisedTask.learn, []

    def interrupted(self: SupervisedTask, rows: Any) -> Any:
        steps.append(rows)
        if len(steps) == 9:  # the third of the second epoch
            os.kill(os.getpid(), signal.SIGINT)
        return learn(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(SupervisedTask, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt, match="interrupted after step 9"):
            run(tmp_path / "run", data, batch_size=7)
    again, history = run(tmp_path / "run", data, batch_size=7)
    assert history == expected
    assert np.array_equal(weights(again), weights(whole))


def test_a_run_with_more_epochs_goes_on(data: Data, tmp_path: Path) -> None:
    whole, expected = run(tmp_path / "whole", data, epochs=5)
    run(tmp_path / "run", data, epochs=2)
    more, history = run(tmp_path / "run", data, epochs=5)
    assert history == expected
    assert np.array_equal(weights(more), weights(whole))


def test_what_stopped_a_run_is_asked_again(data: Data, tmp_path: Path) -> None:
    stop: Callable[[int, Any], bool] = lambda epoch, metrics: epoch == 2  # noqa: E731
    whole, expected = run(tmp_path / "whole", data)
    assert run(tmp_path / "run", data, callbacks=[stop])[1].epochs == [1, 2]
    assert run(tmp_path / "run", data, callbacks=[stop])[1].ended == "stopped"
    model, history = run(tmp_path / "run", data, callbacks=[lambda epoch, metrics: False])
    assert history == expected
    assert np.array_equal(weights(model), weights(whole))


def test_a_finished_run_gives_its_model_at_once(data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, history = run(tmp_path / "run", data)
    again = compiled(dropout=0.3, normal=True, metrics=["accuracy"])
    assert again.fit(*data, 20, 4, validation_split=0.2, out=tmp_path / "run") == history
    assert f"{tmp_path / 'run'}: continuing after 4 epochs" in capsys.readouterr().out
    assert np.array_equal(weights(again), weights(model))


def test_load_gives_the_weights_of_the_best_epoch_ready_to_evaluate(data: Data, tmp_path: Path) -> None:
    model, history = run(
        tmp_path / "run", data, epochs=30, callbacks=[EarlyStopping(patience=2, monitor="val_accuracy")]
    )
    loaded = seqrl.load(tmp_path / "run")
    assert isinstance(loaded, seqrl.Sequential)
    assert np.array_equal(weights(loaded), weights(model))
    x, y = data
    assert loaded.evaluate(x[40:], y[40:])["accuracy"] == max(history.history["val_accuracy"])


def test_a_folder_of_another_run_is_refused(data: Data, tmp_path: Path) -> None:
    x, y = data
    folder = tmp_path / "run"
    run(folder, data, epochs=1)
    for options, what in [
        ({"batch_size": 10}, "batch_size"),
        ({"shuffle": False}, "shuffle"),
        ({"validation_split": 0.1}, "samples"),
        ({"callbacks": [EarlyStopping()]}, "early_stopping"),
    ]:
        with pytest.raises(InputError, match=f"{folder}: holds a run of another {what}; choose another folder"):
            run(folder, data, **options)
    with pytest.raises(InputError, match="another sha256"):
        run(folder, (x + 1, y))
    other = compiled(metrics=["accuracy"])
    with pytest.raises(InputError, match="another architecture"):
        quiet(other, data, out=folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    with pytest.raises(InputError, match="full: not empty and not a run"):
        run(tmp_path / "full", data)


# ---- bad input -----------------------------------------------------------------------------------------------


def test_a_shape_that_does_not_fit_names_layer_and_model(data: Data) -> None:
    rng = np.random.default_rng(0)
    model = Sequential([Dense(3, 8, rng=rng), ReLU(), Dense(64, 10, rng=rng)])
    model.compile()
    message = (
        r"^layer 3, Dense\(64, 10\), of the Sequential: Dense got input of shape \(\d+, 8\); expected \(..., 64\)$"
    )
    for use in (
        lambda: model(data[0]),
        lambda: model.forward(data[0]),
        lambda: model.forward_data(data[0]),
        lambda: model.predict(data[0]),
        lambda: model.fit(*data),
        lambda: model.evaluate(*data),
        lambda: model.summary(),
    ):
        with pytest.raises(InputError, match=message):
            use()


def test_an_error_in_a_layer_of_ones_own_names_it_too() -> None:
    with pytest.raises(InputError, match=r"layer 1, Scale\(3\), of the Sequential: operands could not be broadcast"):
        Sequential([Scale(3)])(np.zeros((2, 4)))


def test_what_is_no_layer_is_refused(rng: np.random.Generator) -> None:
    for layers, message in [
        ([], "got no layers"),
        (Tanh(), "^a Sequential got a Tanh; expected a list of layers$"),
        ([Tanh(), ReLU], r"layer 2 of the Sequential is the class ReLU; expected a layer such as ReLU\(\)"),
        ([np.tanh], "layer 1 of the Sequential is a ufunc"),
        ([LSTM(2, 3, rng=rng)], r"layer 1 of the Sequential, LSTM\(2, 3\), reads sequences time first"),
    ]:
        with pytest.raises(InputError, match=message):
            Sequential(layers)


def test_fit_and_evaluate_before_compile_are_refused(data: Data) -> None:
    for use in network().fit, network().evaluate:
        with pytest.raises(InputError, match="the model is not compiled; call compile first"):
            use(*data)
    model = compiled()
    with pytest.raises(InputError, match="not compiled; a copy is to be compiled anew"):
        quiet(model.astype(np.float64), data)


def test_names_are_met_by_the_nearest_known(data: Data) -> None:
    for options, message in [
        ({"optimizer": "adm"}, "optimizer is 'adm' (did you mean 'adam'?)"),
        ({"loss": "softmax_crossentropy"}, "loss is 'softmax_crossentropy' (did you mean 'softmax_cross_entropy'?)"),
        ({"metrics": ["acuracy"]}, "metric is 'acuracy' (did you mean 'accuracy'?)"),
    ]:
        with pytest.raises(InputError, match=re.escape(message)):
            compiled(**options)
    with pytest.raises(InputError, match=r"the monitor of EarlyStopping is 'val_los'.*'val_loss'"):
        quiet(compiled(), data, validation_split=0.2, callbacks=[EarlyStopping(monitor="val_los")])
    with pytest.raises(InputError, match=r"the monitor of EarlyStopping is 'val_loss'.*expected one of loss$"):
        quiet(compiled(), data, callbacks=[EarlyStopping(monitor="val_loss")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": 3}, "optimizer is a int; expected a name, an Optimizer or its class"),
        ({"optimizer": lambda parameters: None}, "optimizer gave a NoneType; expected an Optimizer"),
        ({"loss": 3}, "loss is a int; expected a name or a function"),
        ({"metrics": [3]}, "a metric is a int; expected a name or a function"),
        ({"metrics": ["accuracy", "accuracy"]}, "two metrics have the name 'accuracy'"),
        ({"regularizer": 0.1}, "regularizer is 0.1; expected one of seqrl.regularizers"),
        ({"max_norm": 0}, "max_norm is 0; expected a positive number"),
        ({"optimizer": "lbfgs", "dropout": 0.5}, "LBFGS needs .* a layer draws at random"),
        ({"optimizer": "lbfgs", "max_norm": 1.0}, "LBFGS needs .* max_norm moves"),
    ],
)
def test_compile_refuses_what_it_can_not_use(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compiled(**options)


def test_an_optimizer_of_another_model_is_refused() -> None:
    model = network()
    with pytest.raises(InputError, match="the optimizer has 4 parameters, of which 0 are the model's"):
        model.compile(Adam(network().parameters()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected a whole number of 1 or more"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"epochs": -1}, "epochs is -1"),
        ({"validation_split": 1.0}, "validation_split is 1.0; expected 0 or more, and less than 1"),
        ({"validation_split": -0.1}, "validation_split is -0.1"),
        ({"validation_split": 0.999}, "validation_split is 0.999 of 50 rows; expected some on both sides"),
        ({"validation_data": 3}, r"validation_data is no \(x, y\)"),
        ({"validation_data": ([[1, 2, 3]], [7])}, "the y of validation_data holds 7 in row 0"),
        ({"validation_data": ([[1, 2, np.nan]], [1])}, "the x of validation_data holds nan in row 0"),
        ({"validation_data": ([[1, 2, 3]], [1]), "validation_split": 0.1}, "are given; expected one of them"),
        ({"callbacks": [EarlyStopping]}, "a callback is the class EarlyStopping"),
        ({"callbacks": [3]}, "a callback is a int"),
        ({"callbacks": LearningRate}, "a callback is the class LearningRate"),
        ({"callbacks": [EarlyStopping(), EarlyStopping()]}, "two of a kind"),
        ({"sample_weight": np.arange(50) < 25, "validation_split": 0.2}, "leaves weights of 0 alone on one side"),
        ({"sample_weight": [1, 2]}, r"sample_weight has shape \(2,\)"),
    ],
)
def test_fit_refuses_what_it_can_not_use(options: dict[str, Any], message: str, data: Data) -> None:
    model = compiled()
    before = weights(model).copy()
    with pytest.raises(InputError, match=message):
        quiet(model, data, **options)
    assert np.array_equal(weights(model), before)


def test_data_that_do_not_fit_are_refused_with_their_row(data: Data) -> None:
    x, y = data
    model = compiled()
    poisoned = x.copy()
    poisoned[17, 1] = np.nan
    for wrong, message in [
        ((x[:0], y[:0]), "at least one row"),
        ((x, y[:-1]), "y has 49 rows and its x has 50"),
        ((poisoned, y), "x holds nan in row 17"),
        ((x, np.where(np.arange(50) == 20, 4, y)), "y holds 4 in row 20; expected a class id from 0 to 3"),
    ]:
        for use in model.fit, model.evaluate:
            with pytest.raises(InputError, match=message):
                use(*wrong)
    with pytest.raises(InputError, match="x holds nan in row 17"):
        model.predict(poisoned)


def test_early_stopping_refuses_what_it_can_not_use() -> None:
    with pytest.raises(InputError, match="the patience of EarlyStopping is 0"):
        EarlyStopping(0)
    with pytest.raises(InputError, match="the mode of EarlyStopping is 'up'"):
        EarlyStopping(mode="up")  # type: ignore[arg-type]


def test_a_metric_of_ones_own_must_be_a_number_and_take_weights_where_there_are_some(data: Data) -> None:
    with pytest.raises(InputError, match="the metric 'own' gave a ndarray; expected one number"):

        def own(prediction: Array, target: Any) -> Any:
            return np.zeros(3)

        quiet(compiled(metrics=own), data)
    with pytest.raises(InputError, match=r"takes no weights; expected own_metric\(prediction, target, weight\)"):
        quiet(compiled(metrics=own_metric), data, sample_weight=np.ones(50))


@pytest.mark.parametrize("given", [0.5, (0.5, np.zeros((1, 3))), (np.zeros(1), np.zeros((1, 4)))])
def test_a_loss_of_ones_own_must_be_of_the_form(given: Any, data: Data) -> None:
    with pytest.raises(InputError, match=r"the loss gave .*; expected \(mean loss, its gradient \(1, 4\)\)"):
        quiet(compiled(loss=lambda prediction, target: given), data)


def test_a_loss_of_ones_own_must_take_weights_where_there_are_some(data: Data) -> None:
    def own(prediction: Array, target: Any, mask: Any = None) -> tuple[float, Array]:
        return softmax_cross_entropy(prediction, target, mask)

    weight = np.arange(50) % 3
    found, expected = compiled(loss=own), compiled()
    assert found.evaluate(*data, weight) == expected.evaluate(*data, weight)
    with pytest.raises(InputError, match=r"the loss takes no weights; expected loss\(prediction, target, mask\)"):
        compiled(loss=lambda p, y: own(p, y)).evaluate(*data, weight)


def test_a_loss_that_is_not_finite_ends_training_with_the_step(data: Data) -> None:
    model = compiled(partial(SGD, lr=1e30), loss=lambda p, y: mean_squared_error(p, np.zeros_like(p)))
    with pytest.raises(InputError, match=r"^step [23]: .*not finite.*; training stopped. A lower learning rate"):
        quiet(model, data, epochs=5)


# ---- to look at ----------------------------------------------------------------------------------------------


def test_the_summary_has_shapes_and_parameters(capsys: pytest.CaptureFixture[str], rng: np.random.Generator) -> None:
    dense = Dense(72, 10, rng=rng)
    model = Sequential(
        [Conv2D(1, 2, 3, rng=rng), BatchNorm(2), ReLU(), Flatten(), dense, TiedDense(dense)],
    )
    table = model.summary((1, 8, 8))
    assert capsys.readouterr().out == table + "\n"
    cells = [line.split() for line in table.splitlines()]
    assert cells[2] == ["1", "Conv2D(1,", "2,", "3)", "(N,", "2,", "6,", "6)", "20"]
    assert cells[3][-1] == "4"
    assert cells[6] == ["5", "Dense(72,", "10)", "(N,", "10)", "730"]
    assert cells[7][-1] == "72"  # the bias; the weight is the one above
    assert cells[-2] == ["total", str(20 + 4 + 730 + 72)]
    assert cells[-1] == ["kept,", "not", "learned", "4"]
    assert "?" in Sequential([Flatten(), dense]).summary()  # before it saw any data


def test_the_summary_knows_the_shape_of_the_data_it_saw(data: Data) -> None:
    model = network()
    assert "(N, 4)" in model.summary()
    pictures = Sequential([Flatten(), Dense(6, 2, rng=np.random.default_rng(0))])
    pictures.predict(np.zeros((4, 2, 3), np.float32))
    assert "(N, 6)" in pictures.summary()


def test_the_bar_shows_loss_speed_and_time_left(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    compiled(metrics=["accuracy"]).fit(*data, 10, 3, validation_split=0.2)
    output, bar = capsys.readouterr()
    assert len(re.findall(r"epoch \d  step \d+  loss .*  accuracy .*  val loss .*  val accuracy ", output)) == 3
    assert "samples/s" in bar and " left" in bar and "step 12/12" in bar and "loss " in bar


def test_quiet_is_quiet(data: Data, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    quiet(compiled(), data, epochs=2, out=tmp_path / "run")
    assert capsys.readouterr() == ("", "")
