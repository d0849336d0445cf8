"""The packages, which pyproject.toml can't list: those found under seqrl/, and those under agents/ as seqrl.agents."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["seqrl", "seqrl.*"]),
        *(f"seqrl.{name}" for name in find_packages(include=["agents", "agents.*"])),
    ],
    package_dir={"seqrl.agents": "agents"},
)
