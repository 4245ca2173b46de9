-- finish_capture (frames): the owner deletes frames and rows of a capture whose outcome is in the durable record. The
-- state stays for ttl_s, so that a late push learns that the capture ended, and why.
-- KEYS state, frames, rows   ARGV token, ttl_s   -> 1 | 0
local s = redis.call('HMGET', KEYS[1], 'status', 'token')
if s[1] and s[2] ~= ARGV[1] then return 0 end -- handed back or taken over: not the caller's to drop
redis.call('UNLINK', KEYS[2], KEYS[3])
if s[1] then
  redis.call('HSET', KEYS[1], 'status', 'finished')
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
