"""Settings of the whole suite."""

import os

from hypothesis import settings

# No deadlines: speed is measured in benchmarks/, a busy machine must not fail a test. In CI the same examples every time.
settings.register_profile("recsys", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("recsys")
