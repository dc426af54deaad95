"""Controls above a picture: move one and see its effect."""
