"""The light background process beside the pools: it delivers events, requeues lost tasks and erases leftovers."""
