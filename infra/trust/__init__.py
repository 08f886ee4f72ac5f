"""The company's side of signed updates: keys by role, repositories of metadata, ceremonies."""
