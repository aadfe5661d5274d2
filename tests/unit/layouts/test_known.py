import pytest

from recsys.core.errors import NotFoundError
from recsys.layouts import known_layouts, layout_info
from recsys.layouts.loading import _READERS


def test_every_known_layout_has_a_reader_and_its_terms():
    assert [info.name for info in known_layouts()] == list(_READERS)
    for info in known_layouts():
        assert info.terms
        assert info.title
        assert info.page.startswith("https://")
        assert info.url is None or info.url.startswith("https://")
        assert info.md5 is None or len(info.md5) == 32
        assert set(info.tables) <= {"events", "items", "users", "impressions"}


def test_an_unknown_name_is_answered_with_the_nearest():
    assert layout_info("goodbooks-10k").tables == ("events", "items")
    with pytest.raises(NotFoundError, match="did you mean 'movielens-100k'"):
        layout_info("movielens100k")
