"""Files that are brought to targets before a plan that needs them is made."""
