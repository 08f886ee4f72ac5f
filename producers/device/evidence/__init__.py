"""What a device can show of what it verified and did: a log in which nothing changes unseen."""
