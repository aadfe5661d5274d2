import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.simulation.alias import build_alias_tables


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(1e-3, 1e3)), max_size=30))
def test_tables_hold_the_distribution_exactly(entries):
    entries = [*entries, (0, 1.0), (1, 2.0), (2, 3.0)]
    groups = np.array([group for group, _ in entries])
    weights = np.array([weight for _, weight in entries])
    tables = build_alias_tables(groups, np.arange(len(entries), dtype=np.int32), weights, 3)
    mass = np.zeros(len(entries))
    cells = np.repeat(1.0 / np.diff(tables.starts), np.diff(tables.starts))
    np.add.at(mass, tables.outcomes, cells * tables.thresholds)
    np.add.at(mass, tables.aliases, cells * (1 - tables.thresholds))
    expected = weights / np.bincount(groups, weights=weights)[groups]
    np.testing.assert_allclose(mass, expected, rtol=1e-9, atol=1e-12)


def test_draws_follow_the_tables():
    weights = np.array([0.7, 0.2, 0.1, 1.0])
    tables = build_alias_tables(np.array([0, 0, 0, 1]), np.array([5, 6, 7, 8], dtype=np.int32), weights, 2)
    rng = np.random.default_rng(1)
    drawn = tables.draw(rng, np.zeros(50_000, dtype=np.int64))
    shares = np.bincount(drawn, minlength=9)[5:8] / 50_000
    np.testing.assert_allclose(shares, weights[:3], atol=0.01)
    assert set(tables.draw(rng, np.ones(10, dtype=np.int64)).tolist()) == {8}
