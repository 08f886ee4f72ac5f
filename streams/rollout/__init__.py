"""The rollout gate: counts of what happened to devices, and the decisions that follow."""
