"""The statistics page: who sees it, what it shows, and what may be done on it."""
