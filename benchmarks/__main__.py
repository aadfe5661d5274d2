"""Run the benchmarks named on the command line, or all of them."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import benchmarks
from benchmarks._timing import run_cases


def main(wanted: list[str]) -> None:
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    for name in wanted:
        if name not in known:
            raise SystemExit(f"There is no benchmark {name!r}. One of {', '.join(known)} was expected.")
    for name in wanted or known:
        print(f"\n== {name}")
        module = import_module(f"benchmarks.{name}")
        if hasattr(module, "cases"):
            run_cases(name, module.cases())
        else:
            module.main()


main(sys.argv[1:])
