"""The runtime: plug-ins, queue, ingest and taste vectors on PostgreSQL with pgvector."""
