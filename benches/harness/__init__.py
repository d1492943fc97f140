"""What the cases stand on: the proxies, the servers behind them, load, and how figures are kept and shown."""
