"""Generated wire code of the API `tidegate.v1`. Made by `make gen`; never edited by hand."""
