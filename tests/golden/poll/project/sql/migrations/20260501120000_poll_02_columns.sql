-- The columns of POLL posts, and what the database holds them to.
ALTER TABLE "realtime_posts"
    ADD COLUMN IF NOT EXISTS "poll_question" text,
    ADD COLUMN IF NOT EXISTS "poll_options" jsonb,
    ADD COLUMN IF NOT EXISTS "poll_multiple" boolean,
    ADD COLUMN IF NOT EXISTS "poll_closes_at" timestamptz;

ALTER TABLE "realtime_posts"
    DROP CONSTRAINT IF EXISTS "realtime_posts_poll_question_required",
    ADD CONSTRAINT "realtime_posts_poll_question_required"
        CHECK ("type"::text <> 'POLL' OR "poll_question" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_poll_question_length",
    ADD CONSTRAINT "realtime_posts_poll_question_length"
        CHECK (char_length("poll_question") BETWEEN 3 AND 200),
    DROP CONSTRAINT IF EXISTS "realtime_posts_poll_options_required",
    ADD CONSTRAINT "realtime_posts_poll_options_required"
        CHECK ("type"::text <> 'POLL' OR "poll_options" IS NOT NULL),
    DROP CONSTRAINT IF EXISTS "realtime_posts_poll_options_items",
    ADD CONSTRAINT "realtime_posts_poll_options_items"
        CHECK (CASE WHEN jsonb_typeof("poll_options") = 'array' THEN jsonb_array_length("poll_options") BETWEEN 2 AND 10 ELSE "poll_options" IS NULL END),
    DROP CONSTRAINT IF EXISTS "realtime_posts_poll_multiple_required",
    ADD CONSTRAINT "realtime_posts_poll_multiple_required"
        CHECK ("type"::text <> 'POLL' OR "poll_multiple" IS NOT NULL);
