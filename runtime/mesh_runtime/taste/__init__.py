"""The taste room: a user's favourites pooled into one vector, and the job that writes it."""
