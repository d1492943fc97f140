"""Faults as scenarios: what is injected, into whom, under which load, and what must hold.

A `Scenario` is played against a `Contestant` (Tenbin, HAProxy or nginx, real processes told to do the same work) in a
short or in its full length, and yields an `Outcome`. Tests play the short form against Tenbin; `make faults` plays
everything against everybody and writes the table.
"""
