"""Stand-alone programs: for those who check, and do not install, what this project says."""
