"""Generated messages of a call's status. Made by `make gen`; never edited by hand."""
