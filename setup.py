"""The packages, which pyproject.toml can't list: those found under seqrl/, and the folder agents/ as seqrl.agents."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["seqrl", "seqrl.*"]), "seqrl.agents"],
    package_dir={"seqrl.agents": "agents"},
)
