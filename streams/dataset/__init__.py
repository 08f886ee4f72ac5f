"""Dataset assembly: what to ask people, when to cut, and the manifest that follows."""
