"""The seven tasks: what each one does, what changes between them, their pages and labs."""
