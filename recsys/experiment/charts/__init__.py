"""What the results of experiments draw: pure data, from numbers that the results hold."""
