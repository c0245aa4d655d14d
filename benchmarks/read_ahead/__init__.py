"""What it costs and spares that the blocking client reads its caller's iterator ahead."""
