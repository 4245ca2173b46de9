-- abort (events): sets the outcome aborted, without an event. A later call does not change it.
-- KEYS record, unfinished, user_captures   ARGV capture_id, error_code, ttl_s, field, value …
-- -> {new | aborted | published | unknown, error_code}
redis.call('ZREM', KEYS[3], ARGV[1]) -- first: memory is checked at a script's first write
local s = redis.call('HMGET', KEYS[1], 'outcome', 'error_code', 'user_id')
if s[1] == 'published' then return {'published', ''} end
redis.call('ZREM', KEYS[2], ARGV[1])
if s[1] then return {'aborted', s[2] or ''} end
if not s[3] then return {'unknown', ''} end
redis.call('HSET', KEYS[1], 'outcome', 'aborted', 'error_code', ARGV[2], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {'new', ARGV[2]}
