-- revive (frames): a failed capture is closed again and waits for an extractor, with no delivery counted.
-- KEYS state, frames, rows   ARGV ttl_s   -> OK | gone
local s = redis.call('HMGET', KEYS[1], 'status', 'accepted')
if s[1] == 'closed' then return 'OK' end -- a repeat: an extractor may have it already
if s[1] ~= 'failed' then return 'gone' end
if redis.call('XLEN', KEYS[2]) + redis.call('HLEN', KEYS[3]) ~= (tonumber(s[2] or '') or 0) + 1 then return 'gone' end
redis.call('HDEL', KEYS[1], 'token', 'dispatch', 'deliveries') -- first: memory is checked at a script's first write
redis.call('HSET', KEYS[1], 'status', 'closed')
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[1]) end
return 'OK'
