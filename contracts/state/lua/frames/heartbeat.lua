-- heartbeat (frames): the owner keeps its capture; it then renews the lease with XCLAIM … JUSTID.
-- KEYS state, frames, rows   ARGV token, ttl_open_s, ttl_ended_s   -> 1 | 0
local s = redis.call('HMGET', KEYS[1], 'token', 'status')
if s[1] ~= ARGV[1] then return 0 end
local ttl = s[2] == 'open' and ARGV[2] or ARGV[3]
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ttl) end
return 1
