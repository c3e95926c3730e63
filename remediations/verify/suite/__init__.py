"""The checks, as tests: `pytest --pyargs remediations.verify.suite --remediate-run DIRECTORY`."""
