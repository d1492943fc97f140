"""What operators of HAProxy know: its runtime API on sockets, its statistics, and its page.

Only formats, words and levels are decided here. What is told comes from `tenbin.observe`; what changes is carried out
by whoever implements `port.Runtime`.
"""
