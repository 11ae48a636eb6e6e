"""Grades somebody's solutions of the course's seven tasks; README.md beside this says how."""
