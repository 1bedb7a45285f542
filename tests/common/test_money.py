"""Money was written in three ways: 2.50 $, 0.332 $ per 1,000, and $1.81."""

import pytest

from lessonlib.common.money import dollars


@pytest.mark.parametrize(("amount", "written"), [
    (1.8129, "$1.81"), (0.332, "$0.33"), (0.1, "$0.10"), (0.0412, "$0.0412"), (0.04, "$0.04"),
    (0.000076, "$0.000076"), (1241.2, "$1,241"), (999.5, "$999.50"), (0, "$0.00"), (-3.4, "-$3.40"),
    (0.0999999, "$0.10"), (float("inf"), "$inf"),
])  # fmt: skip
def test_one_way_to_write_it(amount, written):
    assert dollars(amount) == written
