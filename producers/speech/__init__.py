"""Speech: what devices with a microphone hear, synthesised or recorded, as encounters."""
