"""Numbers, processes and memory."""
