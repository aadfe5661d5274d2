"""The tests of an experiment tried on the past of its own units."""
