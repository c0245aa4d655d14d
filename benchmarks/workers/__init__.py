"""One process with inference threads, or several worker processes: what each costs."""
