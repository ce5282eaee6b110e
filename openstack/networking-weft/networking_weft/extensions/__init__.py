"""What the drivers add to Neutron's API."""
