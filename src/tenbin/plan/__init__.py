"""From what the operator wants to what the data plane is told: the wire contract, the compiler, the summary."""
