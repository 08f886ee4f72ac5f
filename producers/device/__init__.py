"""One simulated device, composed of small parts; only the engine and the model shelf do I/O."""
