"""The contamination gate: which samples of the pool overlap what a model will be tested on."""
