"""What every floor stands on: errors, files that appear whole, hashes, the code identity, words."""
