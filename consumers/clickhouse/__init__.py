"""The one way from the log into ClickHouse: ranges, ledger, columns, writer, sink and census."""
