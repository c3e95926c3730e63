"""What the ids and words of the domain `keys` mean: pages in the form of docs/rules."""
