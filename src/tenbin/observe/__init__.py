"""What an operator sees: status, Prometheus metrics, the status table and the journal of control-plane events.

Owns every text and number that leaves the control plane for a person or a monitoring system. Performs nothing and
asks nobody: it is handed the configuration, the overlay, the data plane's figures and the results of checks.
"""
