"""The demo: a small web application to balance (`tenbin backend`) and a tour on the terminal (`tenbin demo`).

Owns nothing that a load balancer needs; everything here may be thrown away without Tenbin losing a feature.
"""
