"""What this machine, an inventory and its hosts have and lack; reads only."""
