-- acquire_leadership (events): one recorder is active; a standby takes over when the leader's key has expired. A key without
-- a TTL, or with a longer one than a leader sets, does not count.
-- KEYS leader   ARGV me, ttl_ms   -> 1 | 0
local holder = redis.pcall('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if holder then
  local left = redis.call('PTTL', KEYS[1])
  if type(holder) == 'string' and left >= 0 and left <= tonumber(ARGV[2]) then return 0 end
  redis.call('DEL', KEYS[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- first: memory is checked at a script's first write
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
