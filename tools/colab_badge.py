"""Draw ``notebooks/images/open_in_colab.png``, the badge of ``tools/colab_cell.py``.

    python -m tools.colab_badge

Our own drawing: words in white on dark grey, with a light rim that shows on dark pages.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402

from tools.colab_cell import ALT, BADGE  # noqa: E402

WIDTH, HEIGHT = 1.25, 0.26  # inches; at 96 dots an inch as large as a line of text


def main() -> None:
    figure = plt.figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    rim = 0.02
    axes.add_patch(FancyBboxPatch(
        (rim, rim), WIDTH - 2 * rim, HEIGHT - 2 * rim, linewidth=1, facecolor="#404040",
        edgecolor="#A0A0A0", boxstyle=f"round,pad=0,rounding_size={HEIGHT / 4}"))
    axes.text(WIDTH / 2, HEIGHT / 2 - 0.005, ALT, color="white", fontsize=9.5, ha="center",
              va="center_baseline", family="DejaVu Sans")
    BADGE.parent.mkdir(exist_ok=True)
    figure.savefig(BADGE, dpi=96, transparent=True, metadata={"Software": None})


if __name__ == "__main__":
    main()
