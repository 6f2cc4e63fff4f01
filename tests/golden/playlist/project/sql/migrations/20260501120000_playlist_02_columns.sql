-- The columns of PLAYLIST posts, and what the database holds them to.

ALTER TABLE "realtime_posts"
    DROP CONSTRAINT IF EXISTS "realtime_posts_playlist_payload_required",
    ADD CONSTRAINT "realtime_posts_playlist_payload_required"
        CHECK ("type"::text <> 'PLAYLIST' OR ("payload" IS NOT NULL AND jsonb_typeof("payload") = 'object' AND jsonb_strip_nulls("payload") ?& ARRAY['title', 'tracks', 'shared_with', 'listed']));
