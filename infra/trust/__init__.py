"""The company's side of trust: sealed keys, ceremonies, and the metadata devices verify."""
