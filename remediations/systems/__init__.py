"""What can be read and changed, whatever the incident."""
