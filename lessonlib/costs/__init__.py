"""What it costs: the dated price list, when tuning pays for itself, the hosting bill.

Read it with notebook 03: ``price_list.py`` first, then ``scenario.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.costs.explorer import explore
    from lessonlib.costs.price_list import (
        cost_per_1000,
        hosting,
        hosting_per_hour,
        hosting_per_month,
        price,
        prices,
        training_cost,
    )
    from lessonlib.costs.scenario import Scenario

__all__ = [
    "Scenario", "cost_per_1000", "explore", "hosting", "hosting_per_hour", "hosting_per_month",
    "price", "prices", "training_cost",
]

__getattr__, __dir__ = face(__name__, {
    "Scenario": "scenario",
    "cost_per_1000": "price_list",
    "explore": "explorer",
    "hosting": "price_list",
    "hosting_per_hour": "price_list",
    "hosting_per_month": "price_list",
    "price": "price_list",
    "prices": "price_list",
    "training_cost": "price_list",
})
