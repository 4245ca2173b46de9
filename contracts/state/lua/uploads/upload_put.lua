-- upload_put (frames): stores one chunk of a video; the whole video expires if the gateway does not go on in time.
-- KEYS video   ARGV number, ttl_s, chunk   -> 1
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
