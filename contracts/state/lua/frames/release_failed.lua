-- release_failed (frames): frees the slot of a failed capture that was retried or dropped, unless it failed again since.
-- KEYS failed   ARGV member, expires_ms   -> 1 | 0
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
