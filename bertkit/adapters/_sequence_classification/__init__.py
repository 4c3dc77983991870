"""What a classifier of whole texts may answer: a label, several, or a number."""
