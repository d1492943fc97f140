"""The reconcile loop and what feeds it: health, names, statistics, and the care for the data plane's life."""
