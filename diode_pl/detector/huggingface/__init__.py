"""Networks of the package transformers of Hugging Face, through an installation of it."""
