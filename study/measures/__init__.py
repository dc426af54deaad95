"""What is measured on a scan: POI, iHU, overlap with other masks, key phrases of its report."""
