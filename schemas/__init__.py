"""What travels: topics, Avro schemas, records, and how they become bytes and columns."""
