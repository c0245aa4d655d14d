"""Whether `task_adherence` tells calls that serve the user's request from those that do not."""
