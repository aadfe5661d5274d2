"""Ours against installed peers, in one process, on the same data: ``python -m benchmarks [NAME …] [--quick]``.

A module has ``cases()``, which yields `Case`s that the runner times interleaved, or a ``main()`` of its own, which
calls `run_cases` or `keep`; ``GOALS`` says what the figures must reach. Every module leaves ``results/NAME.json``; the
run ends with one table of them all. A peer that is not installed is left out with a line.

``--train FILE`` (or ``RECSYS_BENCH_EVENTS``) names a real log and ``--test FILE`` (``RECSYS_BENCH_TEST``) what to hold
against it; without them logs are made up, the same every time. ``--quick`` takes fewer rounds and smaller data.
"""
