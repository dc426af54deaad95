"""The two U-Nets: their samples, training, models, and the segmentation of a scan."""
