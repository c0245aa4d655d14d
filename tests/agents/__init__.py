"""Real agent programs and frameworks before a scripted model, direct and guarded."""
