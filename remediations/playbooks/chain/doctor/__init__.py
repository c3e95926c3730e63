"""What an inventory and its hosts have and lack of a chain."""
