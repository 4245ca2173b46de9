-- reserve (events): the session is active and this user's, the capture_id and the window are unknown, the user has
-- room -> the durable record exists from here on, and the session is kept for longer.
-- KEYS session, record, window, user_captures, unfinished
-- ARGV capture_id, user_id, connection, max_captures_per_user, lease_ms, ttl_s, session_ttl_s, field, value …
-- -> OK | session_invalid | session_closed | consent_withdrawn | duplicate_capture | too_many_captures
-- | format <number>: the session is another release's
local s = redis.call('HMGET', KEYS[1], 'user_id', 'status', 'withdrawn', 'format')
if s[4] and s[4] ~= '1' and s[4] ~= '2' then return 'format ' .. s[4] end
if not s[1] or s[1] ~= ARGV[2] then return 'session_invalid' end
if s[2] ~= 'active' and s[2] ~= 'withdrawn' then return 'session_closed' end
if s[3] then return 'consent_withdrawn' end
if redis.call('EXISTS', KEYS[2]) == 1 then
  if redis.call('HGET', KEYS[2], 'connection') == ARGV[3] then return 'OK' end -- a repeat whose answer was lost
  return 'duplicate_capture'
end
if redis.call('EXISTS', KEYS[3]) == 1 then return 'duplicate_capture' end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local open = redis.call('ZCOUNT', KEYS[4], string.format('(%.0f', now), string.format('%.0f', now + 3600000)) -- no lease is longer
if open >= tonumber(ARGV[4]) then return 'too_many_captures' end
-- memory is checked at a script's first write, and this one is not free: a full broker takes no new capture
redis.call('HSET', KEYS[2], 'capture_id', ARGV[1], 'user_id', ARGV[2], 'connection', ARGV[3], unpack(ARGV, 8))
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now))
redis.call('ZREMRANGEBYSCORE', KEYS[4], string.format('(%.0f', now + 3600000), '+inf')
redis.call('ZADD', KEYS[4], string.format('%.0f', now + ARGV[5]), ARGV[1])
redis.call('PEXPIRE', KEYS[4], ARGV[5])
redis.call('ZADD', KEYS[5], string.format('%.0f', now), ARGV[1])
return 'OK'
