"""Lend the course's PyTorch to AutoTrain's environment. Runs there, at each start of its Python.

AutoTrain wants other packages than the course, but PyTorch need not be among them: it works with
the one that is here already, which is large (600 MB and more) and is the build that fits this
machine. The usual way to share it, a ``.pth`` file that names the course's whole folder of
packages, would let all others in as well: an old Transformers that looks for what else is
installed would find packages that are too new for it. So this hook shows PyTorch's own packages and
nothing else. ``autotrain.python_environment`` copies this file into the environment, together
with a ``.pth`` file that imports it and a text file that says where the course's PyTorch is.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path

#: What PyTorch consists of. What it needs besides (NumPy, SymPy, ...) the environment has itself.
LENT = ("torch", "torchgen", "functorch", "triton")


class TorchFinder:
    """Finds PyTorch in ``folder`` (a folder of packages), and nothing else.

    It stands last in ``sys.meta_path``: what the environment has itself goes first.
    """

    def __init__(self, folder: str):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        """For ``import``: only top-level names come here; what is within a package has its path."""
        if path is None and name in LENT:
            return PathFinder.find_spec(name, [self.folder], target)
        return None

    def find_distributions(self, context):
        """For ``importlib.metadata``: by their version libraries decide if there is a PyTorch."""
        if context.name in LENT:
            lent = DistributionFinder.Context(name=context.name, path=[self.folder])
            yield from MetadataPathFinder().find_distributions(lent)


def install(said: Path) -> None:
    """Lend from the folder that the text file ``said`` names."""
    sys.meta_path.append(TorchFinder(said.read_text(encoding="utf-8").strip()))


if __name__ == "autotrain_torch":  # imported by the .pth file in AutoTrain's environment
    install(Path(__file__).with_suffix(".txt"))
