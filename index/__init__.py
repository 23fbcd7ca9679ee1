"""Files in, passages found: reading, cleaning, splitting, embedding, storing and searching."""
