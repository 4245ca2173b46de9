-- recheck (events): asks whether the session is active and this user's, and renews the open socket's slot.
-- KEYS session, user_captures   ARGV user_id, capture_id, lease_ms
-- -> active | session_invalid | session_closed | consent_withdrawn
local s = redis.call('HMGET', KEYS[1], 'user_id', 'status', 'withdrawn')
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3]) -- first: memory is checked at a script's first write
  local t = redis.call('TIME')
  redis.call('ZADD', KEYS[2], string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[3]), ARGV[2])
end
if not s[1] or s[1] ~= ARGV[1] then return 'session_invalid' end
if s[2] ~= 'active' and s[2] ~= 'withdrawn' then return 'session_closed' end
if s[3] then return 'consent_withdrawn' end
return 'active'
