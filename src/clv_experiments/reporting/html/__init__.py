"""What all HTML pages share: one file, no network, nobody else's script."""
