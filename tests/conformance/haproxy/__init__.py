"""HAProxy and Tenbin beside each other: the same file, the same requests, the same answers and lines."""
