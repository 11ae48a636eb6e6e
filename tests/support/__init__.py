"""What several rooms share. It imports no other room."""
