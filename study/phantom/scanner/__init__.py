"""How tissue becomes a CT: sections, kernels, noise, motion, DICOM."""
