import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.training import checkpoint, runs

from .conftest import Train


def test_one_thread_repeats_to_the_last_bit(prepared: Train) -> None:
    tables = []
    for name in "ab":
        preparation, training = prepared(name, threads=1, subsampling=0.01)
        assert training.run() == "finished"
        tables.append(preparation.model.arrays())
    for name, array in tables[0].items():
        assert np.array_equal(array, tables[1][name]), name


def test_another_seed_gives_other_vectors(prepared: Train) -> None:
    vectors = []
    for seed in 1, 2:
        preparation, training = prepared(str(seed), threads=1, seed=seed)
        training.run()
        vectors.append(preparation.model.vectors)
    assert not np.array_equal(*vectors)


@pytest.mark.parametrize("threads", [1, 3])
def test_each_epoch_has_every_chunk_once_with_its_own_numbers_whatever_the_threads(
    threads: int, prepared: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation, training = prepared(threads=threads)
    training.save_seconds = 0.0  # all threads stand still after every few chunks
    seen: list[tuple[bytes, float, int]] = []

    def learn(ids: Any, learning_rate: float, rng: np.random.Generator) -> tuple[float, int]:
        seen.append((ids.tobytes(), learning_rate, int(rng.integers(2**60))))
        return 1.0, 2

    monkeypatch.setattr(preparation.model, "learn", learn)
    assert training.run() == "finished"
    seen.sort(key=lambda one: -one[1])  # the order of the learning rates is that of the chunks
    ids = np.asarray(preparation.corpus.ids)
    assert b"".join(chunk for chunk, _, _ in seen) == 2 * ids.tobytes()
    assert len({draw for _, _, draw in seen}) == len(seen) == 2 * 14
    for number, (_, rate, draw) in enumerate(seen):
        epoch, chunk = divmod(number, 14)
        sequence = np.random.SeedSequence(0, spawn_key=(1, epoch, chunk))
        assert draw == int(np.random.default_rng(sequence).integers(2**60))
        done = (epoch * ids.size + chunk * 500) / (2 * ids.size)
        assert rate == pytest.approx(0.025 * (1 - 0.9999 * done))
    assert training.progress.words == 2 * 6000


def test_threads_learn_at_once(prepared: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, training = prepared(threads=2, epochs=1)
    both = threading.Barrier(2, timeout=20)

    def learn(*_: Any) -> tuple[float, int]:
        both.wait()  # 14 chunks, in seven pairs; alone, a thread would wait for ever
        return 1.0, 1

    monkeypatch.setattr(preparation.model, "learn", learn)
    assert training.run() == "finished"


def test_nothing_is_learned_while_a_checkpoint_is_written(prepared: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, training = prepared(threads=3)
    training.save_seconds = 0.0
    counts: Counter[str] = Counter()
    learn, write = preparation.model.learn, checkpoint.write

    def watched_learn(*arguments: Any) -> tuple[float, int]:
        counts["learning"] += 1
        try:
            return learn(*arguments)
        finally:
            counts["learning"] -= 1

    def watched_write(*arguments: Any) -> None:
        assert counts["learning"] == 0
        write(*arguments)
        assert counts["learning"] == 0
        counts["written"] += 1

    monkeypatch.setattr(preparation.model, "learn", watched_learn)
    monkeypatch.setattr(checkpoint, "write", watched_write)
    training.run()
    assert counts["written"] > 5


def test_the_metrics_add_up(prepared: Train, tmp_path: Path) -> None:
    preparation, training = prepared(threads=2)
    training.run()
    lines = runs.read_metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == list(range(1, 29))
    assert lines[-1]["words"] == 2 * preparation.corpus.words == 12_000
    assert [line["epoch"] for line in lines if "epoch_loss" in line] == [1, 2]
    rates = [line["learning_rate"] for line in lines]
    assert rates[0] == 0.025 and rates == sorted(rates, reverse=True)
    assert all(line["words_per_second"] > 0 and line["train_loss"] > 0 for line in lines)


def test_the_loss_of_an_epoch_is_the_mean_over_its_predictions(
    prepared: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation, training = prepared(threads=1)
    losses = iter(range(28))
    monkeypatch.setattr(preparation.model, "learn", lambda *_: ((n := next(losses)) * 2.0, n))
    training.run()
    assert [line["epoch_loss"] for line in runs.read_metrics(tmp_path / "run") if "epoch_loss" in line] == [2.0, 2.0]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(
    threads: int, prepared: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation, training = prepared(threads=threads)
    calls = iter(range(100))

    def learn(*_: Any) -> tuple[float, int]:
        preparation.model.vectors[0] = call = next(calls)
        return (np.nan if call >= 20 else 1.0), 1

    monkeypatch.setattr(preparation.model, "learn", learn)
    with pytest.raises(InputError, match=r"^chunk 2\d: the loss is not finite; .*last.safetensors holds chunk 14\. A"):
        training.run()
    again, resumed = prepared()
    assert resumed.progress.step == 14
    assert again.model.vectors[0, 0] <= 14 and np.isfinite(again.model.vectors).all()


def test_vectors_that_are_not_finite_do_not_replace_a_good_checkpoint(
    prepared: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation, training = prepared(threads=1)

    def learn(*_: Any) -> tuple[float, int]:
        preparation.model.vectors[3, 2] = np.inf
        return 1.0, 1

    monkeypatch.setattr(preparation.model, "learn", learn)
    with pytest.raises(InputError, match=r"'model\.words' is not finite; training stopped"):
        training.run()
    assert np.isfinite(prepared()[0].model.vectors).all()


def test_large_vectors_are_finite(prepared: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, training = prepared(threads=1)
    preparation.model.vectors[...] = 1e30  # their squares are not
    monkeypatch.setattr(preparation.model, "learn", lambda *_: (1.0, 1))
    assert training.run() == "finished"


def test_what_fails_in_a_thread_is_raised(prepared: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, training = prepared(threads=2)
    calls = iter(range(100))

    def learn(*_: Any) -> tuple[float, int]:
        if next(calls) == 5:
            raise ZeroDivisionError
        time.sleep(0.02)
        return 1.0, 1

    monkeypatch.setattr(preparation.model, "learn", learn)
    with pytest.raises(ZeroDivisionError):
        training.run()
    assert training.progress.step < 14  # the other thread stopped as well


def test_the_time_that_a_run_may_take(prepared: Train) -> None:
    _, training = prepared(threads=2, max_minutes=1e-9)
    assert training.run() == "out of time"
    assert 1 <= training.progress.step <= 2 == training.settings.threads


def test_ctrl_c_saves_what_was_learned(prepared: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, training = prepared(threads=2)
    learn, calls = preparation.model.learn, iter(range(100))

    def interrupted(*arguments: Any) -> tuple[float, int]:
        if next(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)  # for the main thread to notice
        return learn(*arguments)

    monkeypatch.setattr(preparation.model, "learn", interrupted)
    assert training.run() == "interrupted"
    assert 6 <= training.saved_step == training.progress.step < 14
    again, resumed = prepared()
    assert resumed.progress.step == training.progress.step
    assert np.array_equal(again.model.vectors, preparation.model.vectors)
    assert resumed.run() == "finished"


def test_a_checkpoint_that_is_slow_to_write_is_written_more_rarely(prepared: Train) -> None:
    _, training = prepared()
    training._clock = training._saved_at + 31
    assert training._due()
    training._save_took = 2.0
    assert not training._due()
    training._clock += 30
    assert training._due()


def test_another_programs_checkpoint_is_refused(prepared: Train, tmp_path: Path) -> None:
    preparation, training = prepared()
    training.run()
    arrays = {f"model.{name}": array for name, array in preparation.model.arrays().items()}
    for state, said in ({}, "it \\('progress'\\)"), ({"progress": {"stop": 3}}, "unexpected keyword argument 'stop'"):
        checkpoint.write(tmp_path / "run" / runs.LAST, arrays, state)
        with pytest.raises(InputError, match=f"last.safetensors: training can't be resumed from .*{said}"):
            prepared()
