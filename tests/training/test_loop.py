"""The loop over a task that is not a translation: a line fitted to points, with noise as the source of randomness."""

import errno
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from seqrl import files
from seqrl.errors import InputError
from seqrl.layers.dense import Dense
from seqrl.optimizers import Adam
from seqrl.schedules import linear
from seqrl.training import checkpoint, loop, runs
from seqrl.training.loop import Task, Training

EXAMPLES, BATCH, RATE = 20, 4, 0.2


class Line(Task):
    """y = 2 x + 1 seen through noise, learned by a Dense; `before` is called ahead of every step."""

    unit = "target tokens"
    steps_per_epoch = EXAMPLES // BATCH

    def __init__(self) -> None:
        self.model = Dense(1, 1, rng=np.random.default_rng(1))
        self.noise = np.random.default_rng(2)
        self.x = np.linspace(-1, 1, EXAMPLES, dtype=np.float32)[:, None]
        self.seen: list[np.ndarray] = []
        self.scores: list[float] | None = None

    def before(self) -> None:
        pass

    def plan(self, rng: np.random.Generator) -> list[np.ndarray]:
        return list(rng.permutation(EXAMPLES).reshape(-1, BATCH))

    def learn(self, rows: np.ndarray) -> tuple[float, int]:
        self.before()
        self.seen.append(rows)
        x = self.x[rows]
        y, backward = self.model.forward(x)
        error = y - (2 * x + 1 + 0.1 * self.noise.normal(size=x.shape).astype(np.float32))
        backward(2 * error / len(x))
        return float((error**2).mean()), len(x)

    def evaluate(self) -> tuple[float, dict[str, float]]:
        error = float(((self.model(self.x) - 2 * self.x - 1) ** 2).mean())
        score = error if self.scores is None else self.scores.pop(0)
        return score, {"valid_loss": error}

    def generators(self) -> Mapping[str, np.random.Generator]:
        return {"noise": self.noise}


def training(task: Line, folder: Path | None, epochs: int = 6, **options: Any) -> Training:
    optimizer = Adam(task.model.parameters(), RATE)
    options = {"patience": 100, "order": np.random.default_rng(3), **options}
    return Training(
        task, task.model, optimizer, linear(epochs * task.steps_per_epoch), folder, epochs=epochs, **options
    )


def timeless(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k not in runs.TIMES} for line in runs.read_metrics(folder)]


@pytest.fixture(autouse=True)
def reports_after_steps_2_4_and_5_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORTS_PER_EPOCH", 2)


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, Line]:
    """A run that nothing disturbed."""
    folder = tmp_path / "whole"
    folder.mkdir()
    task = Line()
    assert training(task, folder).run() == "finished"
    return folder, task


def assert_same(folder: Path, whole: Path) -> None:
    assert timeless(folder) == timeless(whole)
    for name in runs.LAST, runs.BEST:
        found, expected = checkpoint.read(folder / name), checkpoint.read(whole / name)
        assert found.arrays.keys() == expected.arrays.keys()
        for key, array in expected.arrays.items():
            assert np.array_equal(found.arrays[key], array), key


def test_it_learns_the_line(tmp_path: Path) -> None:
    task = Line()
    assert training(task, tmp_path, epochs=20).run() == "finished"
    assert task.model.weight.value == pytest.approx(2, abs=0.1)
    assert task.model.bias.value == pytest.approx(1, abs=0.1)
    losses = [line["valid_loss"] for line in runs.read_metrics(tmp_path) if "valid_loss" in line]
    assert losses[-1] < 0.01 < losses[0] / 10


def test_every_epoch_has_every_example_once_in_an_order_of_its_own(whole: tuple[Path, Line]) -> None:
    _, task = whole
    epochs = np.array(task.seen).reshape(6, EXAMPLES)
    assert (np.sort(epochs) == np.arange(EXAMPLES)).all()
    assert len(np.unique(epochs, axis=0)) == 6


def test_a_line_of_metrics_has_the_mean_loss_since_the_one_before(whole: tuple[Path, Line]) -> None:
    folder, _ = whole
    lines = runs.read_metrics(folder)
    assert [line["step"] for line in lines if "train_loss" in line][:7] == [2, 4, 5, 7, 9, 10, 12]
    assert [line["step"] for line in lines if "valid_loss" in line] == [5, 10, 15, 20, 25, 30]
    assert [line["epoch"] for line in lines if "valid_loss" in line] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["target_tokens"] == 6 * EXAMPLES
    for line in lines:
        assert line["learning_rate"] == pytest.approx(RATE * (1 - (line["step"] - 1) / 30))
    losses = []
    task = Line()
    optimizer = Adam(task.model.parameters(), RATE)
    for step, rows in enumerate(task.plan(np.random.default_rng(3))):  # the first epoch by hand
        optimizer.lr = RATE * (1 - step / 30)
        losses.append(task.learn(rows)[0])
        optimizer.step()
    means = [np.mean(losses[:2]), np.mean(losses[2:4]), losses[4]]
    assert [line["train_loss"] for line in lines[:3]] == pytest.approx(means)


@pytest.mark.parametrize("stop", [1, 3, 5, 10, 14, 30])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_a_resumed_run_has_the_same_bits(
    stop: int, number: signal.Signals, whole: tuple[Path, Line], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    task = Line()

    def interrupt() -> None:
        if len(task.seen) + 1 == stop:
            os.kill(os.getpid(), number)

    task.before = interrupt  # type: ignore[method-assign]
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert training(task, folder).run() == "interrupted"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert len(task.seen) == stop
    assert checkpoint.read(folder / runs.LAST).state["progress"]["step"] == stop
    resumed = Line()
    assert training(resumed, folder).run() == "finished"
    assert np.array_equal(np.array(task.seen + resumed.seen), np.array(whole[1].seen))
    assert_same(folder, whole[0])


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    task = Line()

    def interrupt_twice() -> None:
        signal.raise_signal(signal.SIGINT)  # to this thread: two that wait in another become one
        signal.raise_signal(signal.SIGINT)

    task.before = interrupt_twice  # type: ignore[method-assign]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            training(task, tmp_path).run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert task.seen == []
    assert checkpoint.read(tmp_path / runs.LAST).state["progress"]["step"] == 0


def test_a_full_disk_is_said_and_the_run_resumed_has_the_same_bits(
    whole: tuple[Path, Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    writing = files.writing
    written: list[str] = []

    @contextmanager
    def until_it_is_full(path: str | Path) -> Iterator[BinaryIO]:
        written.append(Path(path).name)
        with writing(path) as stream:
            yield stream
            if written.count(runs.LAST) == 3:
                raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(files, "writing", until_it_is_full)
        with pytest.raises(InputError, match=r"last.safetensors: can't be written: No space left"):
            training(Line(), folder).run()
    assert checkpoint.read(folder / runs.LAST).state["progress"]["step"] == 5
    assert checkpoint.read(folder / runs.BEST).state["step"] == 10  # written ahead of the last one
    assert training(Line(), folder).run() == "finished"
    assert_same(folder, whole[0])


def test_it_stops_after_epochs_without_a_better_score_and_keeps_the_best(tmp_path: Path) -> None:
    task = Line()
    task.scores = [3.0, 1.0, 2.0, 1.0, 0.5]
    trained = training(task, tmp_path, patience=2)
    assert trained.run() == "stopped early"
    assert task.scores == [0.5]
    best = checkpoint.read(tmp_path / runs.BEST).state
    assert best == {"step": 10, "score": 1.0}
    again = Line()
    again.scores = []  # it must not be asked again
    assert training(again, tmp_path, patience=2).run() == "stopped early"


def test_counts_of_early_stopping_survive_a_resume(tmp_path: Path) -> None:
    task = Line()
    task.scores = [1.0, 2.0]
    assert training(task, tmp_path, epochs=2, patience=2).run() == "finished"
    task = Line()
    task.scores = [2.0, 0.0]
    assert training(task, tmp_path, epochs=9, patience=2).run() == "stopped early"
    assert checkpoint.read(tmp_path / runs.BEST).state["step"] == 5


def test_the_rate_is_annealed_after_every_epoch_without_a_better_score_and_after_a_resume(tmp_path: Path) -> None:
    scores = [3.0, 4.0, 2.0, 2.0, 1.0, 5.0]

    def rates(folder: Path, *stops: int) -> list[float]:
        folder.mkdir()
        task, done = Line(), 0
        for epochs in *stops, 6:
            task.scores = scores[done:]
            loop_over = Training(
                task,
                task.model,
                Adam(task.model.parameters(), RATE),
                lambda step: 1.0,
                folder,
                order=np.random.default_rng(3),
                epochs=epochs,
                patience=100,
                anneal=0.5,
            )
            loop_over.run()
            done = epochs
        return [line["learning_rate"] / RATE for line in runs.read_metrics(folder) if "valid_loss" in line]

    assert rates(tmp_path / "whole") == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert rates(tmp_path / "resumed", 2, 3, 5) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_out_of_time_it_validates_and_can_go_on(tmp_path: Path) -> None:
    assert training(Line(), tmp_path, max_minutes=1e-9).run() == "out of time"
    assert checkpoint.read(tmp_path / runs.BEST).state["step"] == 1
    assert training(Line(), tmp_path, max_minutes=1e-9).run() == "out of time"
    assert training(Line(), tmp_path).run() == "finished"
    assert checkpoint.read(tmp_path / runs.LAST).state["progress"]["step"] == 30


@pytest.mark.parametrize("poison", ["input", "weight"])
def test_a_loss_that_is_not_finite_stops_at_the_last_good_checkpoint(poison: str, tmp_path: Path) -> None:
    task = Line()

    def poisoned() -> None:
        if len(task.seen) == 7:
            (task.x if poison == "input" else task.model.weight.value)[...] = np.inf

    task.before = poisoned  # type: ignore[method-assign]
    with pytest.raises(InputError, match=rf"step 8: .* not finite.*'weight'.*{tmp_path / runs.LAST} holds step 5"):
        training(task, tmp_path).run()
    last = checkpoint.read(tmp_path / runs.LAST)
    assert last.state["progress"]["step"] == 5
    assert all(np.isfinite(array).all() for array in last.arrays.values())


def test_weights_that_are_not_finite_never_replace_a_checkpoint(tmp_path: Path) -> None:
    task = Line()
    trained = training(task, tmp_path, save_seconds=0.0)
    update = trained.optimizer.update

    def overflow(clip: float) -> float:
        norm = update(clip)
        if trained.optimizer.steps == 7:
            task.model.weight.value[...] = np.inf
        return norm

    trained.optimizer.update = overflow  # type: ignore[method-assign]
    with pytest.raises(InputError, match="'weight' is not finite; training stopped"):
        trained.run()
    last = checkpoint.read(tmp_path / runs.LAST)
    assert last.state["progress"]["step"] == 7
    assert all(np.isfinite(array).all() for array in last.arrays.values())


def test_a_score_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    task = Line()
    task.scores = [1.0, float("nan")]
    with pytest.raises(InputError, match="not a number"):
        training(task, tmp_path).run()
    assert checkpoint.read(tmp_path / runs.BEST).state["step"] == 5


def test_without_a_folder_nothing_is_written_and_the_weights_are_the_same(
    whole: tuple[Path, Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    task = Line()
    trained = training(task, None)
    assert trained.run() == "finished"
    assert sorted(tmp_path.rglob("*")) == before
    assert trained.progress.step == 30
    for name, value in whole[1].model.state_dict().items():
        assert np.array_equal(task.model.state()[name], value)


@pytest.mark.parametrize("kept", ["in a folder", "in memory"])
def test_the_best_weights_can_be_restored(kept: str, tmp_path: Path) -> None:
    task = Line()
    task.scores = [3.0, 1.0, 2.0, 1.0]
    seen: list[np.ndarray] = []
    trained = training(
        task,
        tmp_path if kept == "in a folder" else None,
        patience=2,
        callbacks=[lambda epoch, metrics: seen.append(task.model.weight.value.copy())],
    )
    assert trained.run() == "stopped early"
    assert np.array_equal(task.model.weight.value, seen[3])
    trained.restore_best()
    assert np.array_equal(task.model.weight.value, seen[1])


def test_weights_that_are_not_finite_are_said_without_a_folder_too() -> None:
    task = Line()
    task.x[...] = np.inf
    with pytest.raises(InputError, match=r"^step 1: the loss is not finite.*; training stopped. A lower learning rate"):
        training(task, None).run()


def test_a_callback_sees_every_epoch_and_can_end_training(tmp_path: Path) -> None:
    seen: list[tuple[int, dict[str, float]]] = []

    def stop_after_two(epoch: int, metrics: dict[str, float]) -> bool:
        seen.append((epoch, metrics))
        return epoch == 2

    assert training(Line(), tmp_path, callbacks=[stop_after_two]).run() == "stopped"
    lines = [line for line in runs.read_metrics(tmp_path) if "valid_loss" in line]
    assert seen == [(line["epoch"], {"valid_loss": line["valid_loss"]}) for line in lines]
    assert len(seen) == 2
    assert training(Line(), tmp_path, callbacks=[stop_after_two]).run() == "stopped"
    assert len(seen) == 2


def test_a_task_hears_of_every_update_after_it(tmp_path: Path) -> None:
    task = Line()
    heard: list[tuple[float, float, float]] = []
    task.updated = lambda loss, units: heard.append((loss, units, float(task.model.weight.value[0, 0])))  # type: ignore[method-assign]
    trained = training(task, tmp_path, epochs=1)
    trained.run()
    assert len({weight for _, _, weight in heard}) == EXAMPLES // BATCH
    assert [units for _, units, _ in heard] == [BATCH] * (EXAMPLES // BATCH)
    assert heard[-1][2] == task.model.weight.value
    lines = runs.read_metrics(tmp_path)
    assert lines[0]["train_loss"] == pytest.approx(np.mean([loss for loss, _, _ in heard[:2]]))


def test_without_a_schedule_the_rate_is_the_optimizers(tmp_path: Path) -> None:
    task = Line()
    optimizer = Adam(task.model.parameters(), RATE)

    def halve(epoch: int, metrics: dict[str, float]) -> None:
        optimizer.lr /= 2

    Training(
        task,
        task.model,
        optimizer,
        None,
        tmp_path,
        order=np.random.default_rng(3),
        epochs=2,
        patience=9,
        callbacks=[halve],
    ).run()
    rates = [line["learning_rate"] for line in runs.read_metrics(tmp_path) if "valid_loss" in line]
    assert rates == [RATE, RATE / 2]


def test_what_an_epoch_gathers_is_in_the_checkpoint(tmp_path: Path) -> None:
    class Gathering(Line):
        def __init__(self) -> None:
            super().__init__()
            self.losses = np.zeros(1)

        def updated(self, loss: float, units: float) -> None:
            self.losses += loss

        def gathered(self) -> dict[str, np.ndarray]:
            return {"losses": self.losses}

        def evaluate(self) -> tuple[float, dict[str, float]]:
            total = float(self.losses[0])
            self.losses[...] = 0
            return total, {"valid_loss": total}

    (tmp_path / "whole").mkdir()
    (tmp_path / "run").mkdir()
    training(Gathering(), tmp_path / "whole").run()
    task = Gathering()

    def interrupt() -> None:
        if len(task.seen) == 7:
            os.kill(os.getpid(), signal.SIGINT)

    task.before = interrupt  # type: ignore[method-assign]
    assert training(task, tmp_path / "run").run() == "interrupted"
    assert training(Gathering(), tmp_path / "run").run() == "finished"
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_metrics_that_were_tampered_with_are_noticed(whole: tuple[Path, Line]) -> None:
    folder, _ = whole
    lines = (folder / runs.METRICS).read_text().splitlines(keepends=True)
    (folder / runs.METRICS).write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=f"{len(lines) - 1} lines; the checkpoint beside it counts {len(lines)}"):
        training(Line(), folder)


def test_a_checkpoint_of_weights_alone_is_not_resumed_from(whole: tuple[Path, Line]) -> None:
    folder, _ = whole
    (folder / runs.BEST).replace(folder / runs.LAST)
    with pytest.raises(InputError, match="training can't be resumed from it"):
        training(Line(), folder)


def test_the_bar_shows_loss_speed_and_time_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert training(Line(), tmp_path).run() == "finished"
    output, bar = capsys.readouterr()
    assert output.count("\n") == 6
    assert "loss " in bar and "target tokens/s" in bar and " left" in bar and "step 30/30" in bar
