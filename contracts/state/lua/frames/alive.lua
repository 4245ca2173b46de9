-- alive (frames): writes the heartbeat of an extractor process; removes those that are too old or lie in the future, and
-- returns the names of the old ones.
-- KEYS extractors   ARGV me, forget_ms   -> names
redis.call('ZREM', KEYS[1], ARGV[1]) -- first: memory is checked at a script's first write; and so a caller is not among the old ones
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local before = string.format('%.0f', now - ARGV[2])
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', before)
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + ARGV[2]), '+inf')
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
return silent
