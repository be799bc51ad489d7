"""The light background process beside the pools: it mends what crashes left behind."""
