-- lead (events): one active recorder; a standby takes over when the leader's key has lapsed.
-- KEYS leader   ARGV me, ttl_ms   -> 1 | 0
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if holder then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- first: memory is checked at a script's first write
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
