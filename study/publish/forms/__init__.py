"""What a run reports of itself: checklists, data sheet, model card, each filled from its artefacts."""
