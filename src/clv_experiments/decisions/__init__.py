"""From predictions to decisions: who is worth what, when they come again, whom to contact, and what it rests on."""
