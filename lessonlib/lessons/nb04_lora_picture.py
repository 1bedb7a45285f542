"""LoRA in one picture: a frozen matrix, and two narrow ones beside it, drawn to scale."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.show import pictures
from lessonlib.show.pictures import Picture

#: Least width of what is drawn, in the units of the picture, where the taller side of W has 4.
WIDTH = 11.5


def lora_picture(rows: int, columns: int, rank: int, name: str = "W") -> Picture:
    """Draw ``W + alpha/rank * B A`` with the sizes of one matrix of the model.

    Args:
        rows, columns: the shape of W: outputs and inputs of the layer.
        rank: columns of B and rows of A.
        name: what the layer is called.

    Introduced in notebook 04.
    """
    fig, axes = pictures.figure(width=10, height=4.8)
    unit = 4.0 / max(rows, columns)
    height, width, thin = rows * unit, columns * unit, max(rank * unit, 0.06)
    left_b = width + 2.3
    left_a = left_b + thin + 0.9
    _box(axes, 0, 0, width, height, pictures.GREY, "//")
    _box(axes, left_b, 0, thin, height, pictures.BLUE, "")
    _box(axes, left_a, height - thin, width, thin, pictures.BLUE, "")
    note = {"ha": "center", "va": "top", "linespacing": 1.4}
    axes.text(width / 2, -0.25, _("{name}: frozen\n{rows} x {columns} = {count:,} weights").format(
        name=name, rows=rows, columns=columns, count=rows * columns), **note)
    axes.text(left_b + thin / 2, -0.25, _("B: trained\n{rows} x {rank}").format(
        rows=rows, rank=rank), **note)
    axes.text(left_a + width / 2, height - thin - 0.25, _("A: trained\n{rank} x {columns}").format(
        rank=rank, columns=columns), **note)
    axes.text(width + 1.05, height / 2, r"$+\ \frac{\alpha}{r}\ \times$", ha="center", va="center",
              fontsize=24)
    axes.text(left_b + thin + 0.45, height / 2, r"$\times$", ha="center", va="center", fontsize=20)
    trained = rank * (rows + columns)
    axes.text(left_a + width / 2, 0.6, _("B and A together:\n{count:,} weights,\n{share:.1%} of W"
                                         ).format(count=trained, share=trained / (rows * columns)),
              ha="center", va="center", fontweight="bold", linespacing=1.4)
    # As wide as the page even for a narrow W, or its words would be shown enlarged.
    missing = max(0.0, WIDTH - (left_a + width + 0.6)) / 2
    axes.set(xlim=(-0.3 - missing, left_a + width + 0.3 + missing), ylim=(-1.2, height + 0.2),
             aspect="equal")
    axes.axis("off")
    return pictures.render(fig, _(
        "LoRA for the matrix {name}. W, {rows} by {columns}, is frozen. Beside it stand B, {rows} "
        "by {rank}, and A, {rank} by {columns}, which are trained. The layer computes with W plus "
        "alpha / r times B times A. B and A have {count:,} weights, {share:.1%} of W."
    ).format(name=name, rows=rows, columns=columns, rank=rank, count=trained,
             share=trained / (rows * columns)))


def _box(axes, x: float, y: float, width: float, height: float, colour: str, hatch: str) -> None:
    """A matrix. Frozen ones are hatched, so that the picture does not tell by colour alone."""
    from matplotlib.patches import Rectangle

    filled = {"facecolor": "white", "hatch": hatch} if hatch else {"facecolor": colour}
    axes.add_patch(Rectangle((x, y), width, height, edgecolor=colour, linewidth=2, **filled))
