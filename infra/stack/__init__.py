"""The engines of an installation: start them, watch them, stop them, know their addresses."""
