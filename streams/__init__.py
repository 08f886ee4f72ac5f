"""Who decides: Faust stream processors, each a pure core with an agent of glue."""
