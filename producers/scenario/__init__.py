"""What the simulation plays: scenario files, checked before anything moves."""
