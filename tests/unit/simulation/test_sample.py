import re
from pathlib import Path

import polars as pl
import polars.testing
import pytest

from recsys.simulation import simulate

DATA = Path(__file__).parents[3] / "data"
COMMAND = re.compile(
    r'^python -c "from recsys\.simulation import simulate; simulate\((.*)\)\.write\(\'data/sample\'\)"$', re.M
)


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    arguments = COMMAND.search((DATA / "README.md").read_text(encoding="utf-8"))[1]
    parameters = dict(part.split("=") for part in arguments.split(", "))
    service = simulate(**{name: float(value) if "." in value else int(value) for name, value in parameters.items()})
    return service.write(tmp_path_factory.mktemp("data") / "sample").folder


def test_the_documented_line_writes_the_sample_again(rewritten):
    kept = sorted(path.relative_to(DATA / "sample") for path in (DATA / "sample").rglob("*.parquet"))
    assert kept == sorted(path.relative_to(rewritten) for path in rewritten.rglob("*.parquet"))
    for name in kept:
        found, expected = pl.read_parquet(rewritten / name), pl.read_parquet(DATA / "sample" / name)
        # Whole columns must be equal; a probability may differ in the last bit on another processor.
        pl.testing.assert_frame_equal(found, expected, rel_tol=1e-6)


def test_the_sample_is_small():
    assert sum(path.stat().st_size for path in (DATA / "sample").rglob("*") if path.is_file()) < 500_000
