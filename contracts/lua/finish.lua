-- finish (frames): the owner drops everything of a capture whose outcome is in the durable record. The state stays
-- a little while, so that a late push learns that the capture ended, and why.
-- KEYS state, frames, rows   ARGV token, ttl_s   -> 1 | 0
local token = redis.call('HGET', KEYS[1], 'token')
if token and token ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3])
if token then
  redis.call('HSET', KEYS[1], 'status', 'finished')
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
