"""Generated messages of the Open Inference Protocol v2. Made by `make gen`; never edited by hand."""
