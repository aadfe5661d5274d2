"""What every room needs: errors, argument checks, time, seeds, threads, progress. Imports nothing of recsys."""
