"""The commands of ``study``, by what they are about; ``study.__main__`` puts them together."""
