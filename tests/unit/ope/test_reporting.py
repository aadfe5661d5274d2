"""What a status of a value becomes in the result."""

import numpy as np

from recsys.ope.estimators import clipped_ips, ips, snips
from recsys.ope.intervals import delta_interval
from recsys.ope.reporting import estimate_of


def made(found):
    return estimate_of(found, delta_interval(found), policy="p", reward="r")


def test_statuses():
    fine = made(clipped_ips([1.0, 2.0, 9.0], [1.0, 0.0, 1.0], clip=3.0))
    assert (fine.status, fine.parameters, fine.n) == ("estimable", (("clip", 3.0),), 3)
    constant = made(snips([1.0, 2.0], [1.0, 1.0]))
    assert (constant.status, constant.value, constant.ci_low) == ("flagged", 1.0, 1.0)
    assert "do not vary" in constant.reasons[0]
    lone = made(ips([4.0], [1.0]))
    assert lone.status == "not_estimable"
    assert np.isnan(lone.value)
    assert np.isnan(lone.ci_low)
