"""The packages, which pyproject.toml can't list: those found under seqrl/, and those under agents/ as seqrl.agents."""

from setuptools import find_packages, setup
from setuptools.command.editable_wheel import editable_wheel

LIBRARY = find_packages(include=["seqrl", "seqrl.*"])
AGENTS = [f"seqrl.{name}" for name in find_packages(include=["agents", "agents.*"])]


class Editable(editable_wheel):
    """The checkout on the path of modules, where seqrl/__init__.py finds agents/.

    Setuptools would map seqrl.agents by a hook, which comes after the path: beside a checkout in a folder named seqrl,
    `import seqrl` would be that folder.
    """

    def finalize_options(self) -> None:
        self.distribution.packages, self.distribution.package_dir = LIBRARY, {"": "."}
        super().finalize_options()


setup(packages=[*LIBRARY, *AGENTS], package_dir={"seqrl.agents": "agents"}, cmdclass={"editable_wheel": Editable})
