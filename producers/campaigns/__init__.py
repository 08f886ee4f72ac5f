"""Collection campaigns: what operators want devices to send, said in a small language."""
