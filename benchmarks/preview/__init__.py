"""What a preview costs beside running both versions of a policy one after the other."""
