-- failed_slot (frames): takes the slot of a failed capture whose frames are to be kept. All of them together keep to
-- max_bytes: the oldest lose their slots, and the caller removes their frames. Slots expire.
-- KEYS failed   ARGV capture_id, bytes, user_id, ttl_ms, max_bytes   -> {1 | 0: too large alone, removed member …}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now)) -- first: it needs no memory
local bytes, answer = tonumber(ARGV[2]), {1}
if bytes > tonumber(ARGV[5]) then return {0} end
local members = redis.call('ZREVRANGE', KEYS[1], 0, -1) -- the newest first
for _, member in ipairs(members) do
  local id, size = member:match('^([%w._-]+)/(%d+)/[%w._-]+$')
  if not id or #size > 15 or id == ARGV[1] then
    redis.call('ZREM', KEYS[1], member)
  else
    bytes = bytes + size
    if bytes > tonumber(ARGV[5]) then
      redis.call('ZREM', KEYS[1], member)
      answer[#answer + 1] = member
    end
  end
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[1] .. '/' .. ARGV[2] .. '/' .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return answer
