"""All of confluent_kafka: publishing, following, consuming in a group, administration."""
