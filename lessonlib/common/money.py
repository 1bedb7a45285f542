"""Amounts of money, written in one way everywhere: ``$1.81``, ``$0.0123``, ``$1,241``."""

from __future__ import annotations

import math


def dollars(amount: float) -> str:
    """An amount in US dollars: cents as long as they say something, more digits below ten cents,
    whole dollars from a thousand on.

    Introduced in notebook 03.
    """
    if not math.isfinite(amount):
        return f"${amount}"
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 1000:
        return f"{sign}${size:,.0f}"
    if size >= 0.0995 or size == 0:
        return f"{sign}${size:.2f}"
    places = 2 - math.floor(math.log10(size))  # three digits that say something
    return f"{sign}${size:.{places}f}".rstrip("0")
