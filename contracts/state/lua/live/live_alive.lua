-- live_alive (frames): writes a live worker's heartbeat, and returns its sessions. Heartbeats that are too old, or lie in the
-- future, are removed.
-- KEYS workers, sessions   ARGV me, forget_ms   -> live_ids
redis.call('ZREM', KEYS[1], ARGV[1]) -- first: it needs no memory
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + ARGV[2]), '+inf')
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZREMRANGEBYSCORE', KEYS[2], string.format('(%.0f', now + ARGV[2]), '+inf')
local mine = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local worker, live_id = member:match('^([%w%p]+)/([%w._-]+)$')
  if worker == ARGV[1] then mine[#mine + 1] = live_id end
end
return mine
