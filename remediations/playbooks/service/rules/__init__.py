"""What the ids and words of the domain `service` mean: pages in the form of docs/rules."""
