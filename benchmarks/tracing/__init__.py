"""What spans cost a stream."""
