"""What it stands on: Kafka clients, settings, objects, engines, the command line, the demo."""
