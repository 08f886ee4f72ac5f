"""Who acts at the end: the ClickHouse sink, the on-call notifier, dead letters."""
