"""What task 6 promises: under load, faults and attacks, and with a real application."""
