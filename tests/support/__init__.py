"""Modules that several of the folders beside this one use. They import none of those folders."""
