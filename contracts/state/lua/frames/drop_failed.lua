-- drop_failed (frames): removes the frames and rows of a failed capture, unless an extractor has it again.
-- KEYS state, frames, rows   ARGV ttl_s   -> 1 | 0
local s = redis.call('HMGET', KEYS[1], 'status', 'dispatch', 'dropped')
if s[1] == 'finished' and s[3] then return 1 end -- a repeat whose first answer was lost
if s[1] ~= 'failed' and not (s[1] == 'closed' and not s[2]) then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'status', 'finished', 'dropped', '1')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
