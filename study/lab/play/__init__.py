"""Controls above a picture: move one and see what follows."""
