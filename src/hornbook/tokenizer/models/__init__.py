"""How words become ids: byte pair encoding over bytes or characters, WordPiece, Unigram."""
