"""The directives of proxies, by what they are about; `table` has all of them by name."""
