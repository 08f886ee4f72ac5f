"""What ClickHouse is told: numbered migrations and named queries."""
