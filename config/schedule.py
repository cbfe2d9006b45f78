"""What runs when. Each tick runs once, however many workers there are."""
