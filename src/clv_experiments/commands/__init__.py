"""What a user can type: each command on one screen."""
