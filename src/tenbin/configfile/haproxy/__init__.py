"""HAProxy's language: the text of its files to `tenbin.model.Config`, with a report of what becomes of each directive.

Owns the language; HAProxy's own command line and runtime API are elsewhere. `phrases` owns the expressions in it.
"""
