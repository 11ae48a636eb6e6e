"""Tests of the seven tasks: of each task, of what changes between tasks, of pages and labs."""
