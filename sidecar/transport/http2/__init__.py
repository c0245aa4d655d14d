"""gRPC over plain HTTP/2, served on the event loop itself: no threads, and one write for what goes out together."""
