"""The media room: canonical media, the resolution of raw items to them, and their embeddings."""
