"""Every kept result, measured again by the command that its file names."""
