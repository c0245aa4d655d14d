"""How many names of persons, places and organisations `pii` finds in other languages than English."""
