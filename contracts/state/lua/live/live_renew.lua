-- live_renew (frames): renews the slots of a gateway's sessions; removes and returns those whose worker is gone.
-- KEYS workers, sessions   ARGV silent_ms, lease_ms, worker/live_id …   -> {worker/live_id …}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now)) -- first: it needs no memory
local gone = {}
for i = 3, #ARGV do
  local sign = redis.call('ZSCORE', KEYS[1], ARGV[i]:match('^(.*)/'))
  if sign and math.abs(now - sign) < tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[i])
  else
    redis.call('ZREM', KEYS[2], ARGV[i])
    gone[#gone + 1] = ARGV[i]
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return gone
