from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset
from recsys.models import ALS, ItemKNN, Popularity, load_model, make_model, model_names


def test_every_name_makes_its_model() -> None:
    assert model_names() == [
        "popularity",
        "itemknn",
        "rp3beta",
        "graphfilter",
        "ease",
        "puresvd",
        "als",
        "bpr",
        "logisticmf",
    ]
    for name in model_names():
        assert make_model(name).name == name


def test_text_is_read_as_the_type_of_the_parameter() -> None:
    assert make_model("als", factors="32", unobserved_weight="2.5", regularization="1", seed="none").params == {
        **ALS().params,
        "factors": 32,
        "unobserved_weight": 2.5,
        "regularization": 1.0,
        "seed": None,
    }
    assert make_model("popularity", half_life="30d").params == {"half_life": "30d"}
    assert make_model("itemknn", weighting="bm25").params["weighting"] == "bm25"


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("asl", {}, "did you mean 'als'"),
        ("als", {"factor": 3}, "did you mean 'factors'"),
        ("als", {"factors": "many"}, "whole number was expected"),
        ("als", {"factors": "2.5"}, "whole number was expected"),
        ("als", {"factors": True}, "whole number was expected"),
        ("als", {"unobserved_weight": "high"}, "number or none was expected"),
        ("als", {"factors": "0"}, "factors is 0"),
        ("itemknn", {"weighting": "cosin"}, "did you mean 'cosine'"),
        ("popularity", {"half_life": "soon"}, "duration such as"),
    ],
)
def test_mistakes_are_named(name: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_model(name, **params)


class Shuffled(Popularity):
    name = "shuffled"


def test_a_class_of_ones_own_loads_itself_only(tmp_path: Path) -> None:
    data = Dataset.from_frame({"user_id": [1, 2], "item_id": [1, 2]})
    folder = Shuffled().fit(data).save(tmp_path / "own")
    with pytest.raises(DataError, match="load of its own class"):
        load_model(folder)
    assert isinstance(Shuffled.load(folder), Shuffled)
    with pytest.raises(DataError, match="'itemknn' was expected"):
        ItemKNN.load(folder)


def test_models_import_without_implicit() -> None:
    code = "import sys, recsys.models as m; m.ALS, m.make_model('bpr'); print('implicit' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
