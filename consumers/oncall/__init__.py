"""On-call: alerts become notifications that reach a person."""
