"""What hashes, signatures and encryption add to an event, beside what recording it costs anyway."""
