"""Who is a candidate when targets are ranked against the whole catalogue."""

import pytest

from recsys.evaluation import evaluate
from recsys.models import Popularity
from recsys.scoring import Eligibility

TRAIN = [
    (user, item, 1) for user, items in [("ann", "a"), ("bob", "ab"), ("cid", "abc"), ("dan", "d")] for item in items
]
PAIR = Eligibility().deny_pairs({"user_id": ["ann"], "item_id": ["b"]})
FOR_ALL = Eligibility().deny(["b"])


@pytest.mark.parametrize(
    ("rules", "exclude_seen", "expected"),
    [
        (None, False, [0.5 / 3, 0.5 / 3]),  # a and b are above d, c is level with it
        (None, True, [0.5 / 2, 0.5]),
        (PAIR, False, [0.5 / 2, 0.5 / 3]),
        (PAIR, True, [0.5, 0.5]),
        (FOR_ALL, False, [0.5 / 2, 0.5 / 2]),
    ],
)
def test_what_was_seen_or_is_closed_outranks_nothing(events, rules, exclude_seen, expected):
    train = events(TRAIN)
    test = events([("ann", "d", 9), ("bob", "d", 9)], like=train)
    found = evaluate(Popularity().fit(train), test, ["auc"], eligibility=rules, exclude_seen=exclude_seen)
    assert found.per_user["auc"].to_list() == pytest.approx(expected)
