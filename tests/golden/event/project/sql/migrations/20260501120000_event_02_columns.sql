-- The columns of EVENT posts, and what the database holds them to.
ALTER TABLE "realtime_posts"
    ADD COLUMN IF NOT EXISTS "event_title" text,
    ADD COLUMN IF NOT EXISTS "event_description" text,
    ADD COLUMN IF NOT EXISTS "event_starts_at" timestamptz,
    ADD COLUMN IF NOT EXISTS "event_ends_at" timestamptz,
    ADD COLUMN IF NOT EXISTS "event_location" text,
    ADD COLUMN IF NOT EXISTS "event_link" text,
    ADD COLUMN IF NOT EXISTS "event_cover" text,
    ADD COLUMN IF NOT EXISTS "event_seats" bigint,
    ADD COLUMN IF NOT EXISTS "event_price" numeric,
    ADD COLUMN IF NOT EXISTS "event_host" bigint REFERENCES "users" ("id") ON DELETE SET NULL;

ALTER TABLE "realtime_posts"
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_title_required",
    ADD CONSTRAINT "realtime_posts_event_title_required"
        CHECK ("type"::text <> 'EVENT' OR "event_title" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_title_length",
    ADD CONSTRAINT "realtime_posts_event_title_length"
        CHECK (char_length("event_title") BETWEEN 1 AND 120),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_description_length",
    ADD CONSTRAINT "realtime_posts_event_description_length"
        CHECK (char_length("event_description") <= 5000),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_starts_at_required",
    ADD CONSTRAINT "realtime_posts_event_starts_at_required"
        CHECK ("type"::text <> 'EVENT' OR "event_starts_at" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_starts_at_range",
    ADD CONSTRAINT "realtime_posts_event_starts_at_range"
        CHECK ("event_starts_at" >= '2020-01-01T00:00:00+00:00'),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_location_required",
    ADD CONSTRAINT "realtime_posts_event_location_required"
        CHECK ("type"::text <> 'EVENT' OR "event_location" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_location_values",
    ADD CONSTRAINT "realtime_posts_event_location_values"
        CHECK ("event_location" IN ('online', 'in person', 'both "at once"')),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_seats_range",
    ADD CONSTRAINT "realtime_posts_event_seats_range"
        CHECK ("event_seats" BETWEEN 1 AND 100000),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_price_required",
    ADD CONSTRAINT "realtime_posts_event_price_required"
        CHECK ("type"::text <> 'EVENT' OR "event_price" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_event_price_range",
    ADD CONSTRAINT "realtime_posts_event_price_range"
        CHECK ("event_price" BETWEEN 0 AND 9999.99);

CREATE INDEX IF NOT EXISTS "realtime_posts_event_host_idx"
    ON "realtime_posts" ("event_host") WHERE "event_host" IS NOT NULL;
