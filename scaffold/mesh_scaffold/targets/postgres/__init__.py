"""What targets on PostgreSQL share: naming migrations, reading what they hold, and the constraints of fields."""
