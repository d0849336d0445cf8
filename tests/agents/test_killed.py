"""scripts/train_agent.py killed with SIGKILL at many moments, and resumed, ends as one that was not killed."""

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[1] / "training" / "killed_runs.py"
STRIDES = {"q_learning": 3, "dqn": 7, "ppo": 3, "reinforce": 3, "linear_sarsa": 5}  # from one moment to the next

pytestmark = pytest.mark.slow


def killed(agent: str, folder: Path, mode: str, first: int, stride: int) -> int:
    command = [sys.executable, DRIVER, agent, folder, mode, str(first), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("agent", STRIDES)
def test_an_agent_killed_at_any_moment_and_resumed_ends_with_the_same_bits(agent: str, tmp_path: Path) -> None:
    assert killed(agent, tmp_path, "every", 0, STRIDES[agent]) >= 40


@pytest.mark.parametrize("agent", STRIDES)
def test_an_agent_killed_again_and_again_ends_with_the_same_bits(agent: str, tmp_path: Path) -> None:
    assert killed(agent, tmp_path, "again", 5, 47) >= 3
