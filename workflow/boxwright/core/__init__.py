"""The foundation that every other package uses: errors, atomic file writes, hashes, the code identity, wording."""
