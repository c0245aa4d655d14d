"""The plan of capacity beside what a machine measures, and the figures that it rests on."""
