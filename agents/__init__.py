"""Reinforcement-learning agents, one algorithm per file.

This folder is the package `seqrl.agents`. A top-level package of its bare name would overwrite files of another
distribution, so it refuses that name.
"""

if __name__ != "seqrl.agents":
    raise ImportError(
        f"'{__name__}' is not the name of this package; write `import seqrl.agents` "
        "(in a checkout: after `pip install -e .` or `make setup`)",
        name=__name__,
    )
