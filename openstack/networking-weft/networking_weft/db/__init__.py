"""What is kept in Neutron's database, and what is read of it."""
