"""Settings of the whole suite."""

import os

from hypothesis import settings

# No deadlines: speed is measured in benchmarks/, and a busy machine must not fail a test.
# In CI the examples are the same every time.
settings.register_profile("recsys", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("recsys")
