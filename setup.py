"""Builds the compiled part: every ``ext/NAME.pyx`` becomes ``recsys.kernels.NAME``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

ROOT = Path(__file__).parent
# No -march=native and no -ffast-math: a score is the same number on every machine.
UNIX_ARGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-Wno-unused-function"]
COMPILE_ARGS = ["/O2"] if sys.platform == "win32" else UNIX_ARGS
DIRECTIVES = {"language_level": "3str", "boundscheck": False, "wraparound": False, "cdivision": True}


class BuildKernels(build_ext):
    """``build_ext`` on all cores, which says in one line what is missing when no C compiler works."""

    def finalize_options(self) -> None:
        """Compile as many kernels at once as there are cores for us, where nothing else was asked for."""
        super().finalize_options()
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        self.parallel = self.parallel or len(allowed)

    def run(self) -> None:
        """Compile, or leave with one line."""
        try:
            super().run()
        except (BaseError, CCompilerError, OSError) as error:
            raise SystemExit(
                f"recsys: the kernels could not be compiled ({str(error).splitlines()[0]}). "
                "A C compiler and the Python headers were expected. "
                "Hint: install them (Debian: apt-get install gcc python3-dev; macOS: xcode-select --install)."
            ) from None


def headers(source: Path) -> list[str]:
    """Return the headers of ``ext/`` that a source includes, directly or not: Cython sees only the first."""
    found: set[Path] = set()
    wanted = [source]
    while wanted:
        names = re.findall(r'(?:from|include) "(\w+\.h)"', wanted.pop().read_text(encoding="utf-8"))
        new = {source.parent / name for name in names} - found
        found |= new
        wanted += new
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def extensions() -> list[Extension]:
    """One extension a kernel; compiled sources stay out of the package."""
    return [
        Extension(
            f"recsys.kernels.{source.stem}",
            [source.relative_to(ROOT).as_posix()],
            include_dirs=[np.get_include(), "ext"],
            depends=headers(source),
            extra_compile_args=COMPILE_ARGS,
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        )
        for source in sorted((ROOT / "ext").glob("*.pyx"))
    ]


setup(
    ext_modules=cythonize(extensions(), compiler_directives=DIRECTIVES),
    cmdclass={"build_ext": BuildKernels},
)
