-- live_join (frames): gives a session a slot at the live worker with the fewest sessions, and keeps it while both are alive.
-- Invalid members, and heartbeats in the future, do not count.
-- KEYS workers, sessions   ARGV live_id, silent_ms, lease_ms   -> worker | ''
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now)) -- first: it needs no memory
local workers = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now - ARGV[2]),
  string.format('%.0f', now + ARGV[2]))) do
  if worker:match('^[%w%p]+$') then workers[#workers + 1] = worker end
end
local sessions, mine = {}, nil
for _, worker in ipairs(workers) do sessions[worker] = 0 end
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local worker, live_id = member:match('^([%w%p]+)/([%w._-]+)$')
  if live_id == ARGV[1] then mine = sessions[worker] and worker end
  if worker and sessions[worker] then sessions[worker] = sessions[worker] + 1 end
end
if not mine then
  for _, worker in ipairs(workers) do
    if not mine or sessions[worker] < sessions[mine] then mine = worker end
  end
end
if not mine then return '' end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), mine .. '/' .. ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return mine
