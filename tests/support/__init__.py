"""What several tests share: the engine, the labs' commands, the stacks they start, a browser."""
