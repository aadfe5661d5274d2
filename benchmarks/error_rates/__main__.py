from __future__ import annotations

import argparse
import pkgutil
import sys
import time
from importlib import import_module

import benchmarks.error_rates as home
from benchmarks.error_rates._procedure import Procedure


def procedures() -> list[Procedure]:
    names = sorted(one.name for one in pkgutil.iter_modules(home.__path__) if not one.name.startswith("_"))
    return [one for name in names for one in import_module(f"{home.__name__}.{name}").PROCEDURES]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.error_rates", description=home.__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only procedures whose names hold one of the words")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many repetitions")
    wanted = parser.parse_args()
    chosen = [one for one in procedures() if not wanted.words or any(word in one.name for word in wanted.words)]
    if not chosen:
        parser.error(f"no procedure is named {' or '.join(wanted.words)}")
    wrong = 0
    print(f"{'procedure':<86} {'rate':>7} {'wanted':>15} {'of':>9} {'width':>8} {'s':>6}")
    for one in chosen:
        start = time.process_time()
        found, n, kept = one.run(wanted.scale)
        bounds = f"{one.low:.3f}" if one.low == one.high else f"{one.low:.3f} – {one.high:.3f}"
        width = "" if found.width is None else f"{found.width:.4g}"
        took = time.process_time() - start
        print(
            f"{one.name:<86} {found.rate:7.4f} {bounds:>15} {n:9,} {width:>8} {took:6.1f} {'' if kept else '  OUT'}",
            flush=True,
        )
        wrong += not kept
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
