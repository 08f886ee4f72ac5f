"""How a device gets the bytes of an image: in parts, resumed, bounded, by patch or whole."""
