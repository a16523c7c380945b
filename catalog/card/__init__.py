"""A snapshot as a data set to be published: Parquet, Croissant metadata, a Hugging Face card."""
