"""The fleetloop command, one file per noun."""
