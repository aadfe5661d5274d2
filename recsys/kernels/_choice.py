"""Which code answers: the compiled kernels or their numpy twins, and with which width of vector registers."""

from __future__ import annotations

import os

from recsys.core.checks import one_of

KERNELS_VARIABLE = "RECSYS_KERNELS"
SIMD_VARIABLE = "RECSYS_SIMD"


def reference_wanted() -> bool:
    """Return whether ``RECSYS_KERNELS=reference`` asks for the numpy twins; read at every call.

    Raises
    ------
    ArgumentError
        For a value other than ``compiled`` (the default) and ``reference``.

    Examples
    --------
    >>> reference_wanted()
    False
    """
    return (
        one_of(KERNELS_VARIABLE, os.environ.get(KERNELS_VARIABLE) or "compiled", ["compiled", "reference"])
        == "reference"
    )


def simd_path() -> str:
    """Return the SIMD path of the compiled kernels: ``RECSYS_SIMD`` if set, else the widest that this machine has.

    The path changes the speed, never a result.

    Raises
    ------
    ArgumentError
        If ``RECSYS_SIMD`` names a path that this machine does not have.

    Examples
    --------
    >>> simd_path() in ("baseline", "avx2", "avx512", "avx512vnni")
    True
    """
    from recsys.kernels import _scan

    wanted = os.environ.get(SIMD_VARIABLE) or _scan.PATHS[-1]
    emulated = [name for name in _scan.PATH_CODES if name.startswith("emulated")]
    return wanted if wanted in emulated else one_of(SIMD_VARIABLE, wanted, _scan.PATHS)
