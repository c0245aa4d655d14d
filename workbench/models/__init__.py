"""Models of one's own: taking them over from Hugging Face's form, listing, checking. The service needs none of it."""
