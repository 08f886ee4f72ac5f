"""What a device believes about updates: Uptane's full verification, and the state it keeps."""
