"""Ours against installed peers, in one process, on the same data: ``python -m benchmarks [NAME …]``.

A module has ``cases()``, which yields `Case`s that the runner times interleaved, or a ``main()`` of its own.
"""
