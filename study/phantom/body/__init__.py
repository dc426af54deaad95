"""What is in the chest: lungs, bones, organs, vessels, lobes, lesions, and the truth about them."""
