"""Who speaks first: devices, the fleet that holds them, the trainer."""
