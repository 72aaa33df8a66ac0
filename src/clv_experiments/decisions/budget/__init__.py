"""How to spend a budget: whom to contact, what that is expected to bring, and what a new customer may cost."""
