from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import recsys.kernels
from recsys.core.errors import ArgumentError
from recsys.kernels import topk
from recsys.kernels._choice import reference_wanted, simd_path
from recsys.kernels._scan import PATH_CODES, PATHS


def test_the_variable_is_read_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", "reference")
    assert reference_wanted()
    monkeypatch.setenv("RECSYS_KERNELS", "")
    assert not reference_wanted()


def test_a_wrong_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", "refrence")
    with pytest.raises(ArgumentError, match="did you mean 'reference'"):
        topk(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), 1)


def test_every_simd_path_of_this_machine_and_those_emulated_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.standard_normal((50, 37)).astype(np.float32), rng.standard_normal((2000, 37)).astype(np.float32)
    results = []
    emulated = [path for path in PATH_CODES if path.startswith("emulated")]
    for path in (*PATHS, *emulated):
        monkeypatch.setenv("RECSYS_SIMD", path)
        assert simd_path() == path
        result = topk(users, items, 20)
        results.append((result.indices.tobytes(), result.scores.tobytes()))
    assert len(set(results)) == 1


def test_a_path_that_this_machine_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SIMD", "avx9000")
    with pytest.raises(ArgumentError, match="RECSYS_SIMD is 'avx9000'"):
        simd_path()


def test_the_package_alone_imports_nothing_heavy() -> None:
    code = (
        "import sys, recsys.kernels; print(sorted({'numpy', 'scipy', 'recsys.kernels.selection'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_exported_name_exists_and_no_other() -> None:
    assert all(getattr(recsys.kernels, name) is not None for name in recsys.kernels.__all__)
    assert dir(recsys.kernels) == sorted(recsys.kernels.__all__)
    with pytest.raises(AttributeError, match="no attribute 'topkk'"):
        _ = recsys.kernels.topkk
