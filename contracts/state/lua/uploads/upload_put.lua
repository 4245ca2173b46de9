-- upload_put (frames): one chunk of a video; all of it goes if nobody comes back in time.
-- KEYS video   ARGV number, ttl_s, chunk   -> 1
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
