import numpy as np
import pytest

from recsys.simulation import simulate


def test_every_taste_is_somebodys_strongest_and_weights_are_shares():
    world = simulate(users=1, items=60, days=10).world
    assert set(world.catalogue.tastes[:, 0].tolist()) >= set(range(world.settings.n_tastes))
    assert all(len(set(row)) == 3 for row in world.catalogue.tastes.tolist())
    np.testing.assert_allclose(world.catalogue.taste_weights.sum(axis=1), 1)
    np.testing.assert_allclose((world.catalogue.direction**2).sum(axis=1), 1)


def test_titles_are_different_and_dates_are_plausible():
    items = simulate(users=1, items=5000, days=30).items()
    assert items["title"].n_unique() == items["item_id"].n_unique() == 5000
    assert (items["year"] <= items["released_at"].dt.year()).all()
    assert (items["genres"].str.len_chars() > 0).all()


def test_items_are_released_over_time_and_licensed_by_country():
    service = simulate(users=1, items=400, days=30)
    during = (service.items()["released_at"] > service.items()["released_at"].dt.truncate("1y").max()).mean()
    assert 0.1 < during < 0.3
    rights = service.world.catalogue.available
    assert 0.85 < rights.mean() < 0.95
    assert len(service.availability()) == rights.sum()


def test_the_originals_can_always_fill_a_request():
    service = simulate(users=20, items=6, days=3)
    assert service.world.catalogue.available.all()
    assert (service.world.catalogue.released <= 0).all()
    assert service.impressions()["item_id"].n_unique() == 6


def test_popularity_is_skewed_as_asked():
    flat, steep = (simulate(users=1, items=300, popularity_skew=skew).world.catalogue.popularity for skew in (0, 1.2))
    assert flat.min() == flat.max()
    assert steep.max() / steep.min() == pytest.approx((303 / 4) ** 1.2)


@pytest.mark.parametrize("items", [1, 2, 3])
def test_tiny_worlds_work(items):
    service = simulate(users=3, items=items, days=2, slots=1, events_per_user_day=5)
    assert set(service.events()["item_id"].to_list()) <= set(range(1, items + 1))
