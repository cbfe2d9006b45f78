"""Every business rule about orders and stock, and every write; one file a capability."""
