-- keep_failed (frames): the owner sets a failed capture aside with its frames and rows, for an operator, if all of its
-- frames are there: each is in the stream or has a row.
-- KEYS state, frames, rows   ARGV token, ttl_s   -> kept | partial | lost
local s = redis.call('HMGET', KEYS[1], 'status', 'token', 'accepted')
if s[1] == 'failed' then return 'kept' end -- a repeat whose first answer was lost
if s[2] ~= ARGV[1] then return 'lost' end
local accepted = tonumber(s[3] or '') or 0
if s[1] ~= 'closed' or accepted == 0 or redis.call('XLEN', KEYS[2]) + redis.call('HLEN', KEYS[3]) ~= accepted + 1 then
  return 'partial'
end
redis.call('HDEL', KEYS[1], 'token') -- first: memory is checked at a script's first write
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'status', 'failed', 'failed_ms', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[2]) end
return 'kept'
