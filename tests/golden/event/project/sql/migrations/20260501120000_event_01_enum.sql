-- The value alone: a transaction cannot use an enum value that it has added itself.
ALTER TYPE "realtime_post_type" ADD VALUE IF NOT EXISTS 'EVENT';
