"""Scores of samples: by a language model's own words, or taken in from anyone."""
