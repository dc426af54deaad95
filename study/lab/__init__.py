"""For JupyterLab: panels, the viewer, exercises."""
