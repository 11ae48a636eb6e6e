"""Tests of task 6 under load, faults and attacks, with a real application, and on a Swarm."""
