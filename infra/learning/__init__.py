"""The learning loop without a log: what chosen labels are worth, measured on pictures held back."""
