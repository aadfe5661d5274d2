"""Error rates of the statistical procedures over many repetitions: ``python -m benchmarks.error_rates [WORD …]``.

A module of this folder has ``PROCEDURES``, a tuple of `Procedure`; a new module is found by itself. Words choose the
procedures whose names hold one of them; ``--scale 0.1`` takes a tenth of the repetitions. The exit code is 1 when a
rate lies outside its bounds by more than four standard errors. The tests run the same at a size that a change can wait
for; this is for the night.
"""
