-- watch (frames): notes that the capture's gateway is alive, and returns how far the capture is.
-- KEYS state, frames, rows   ARGV ttl_s
-- -> {status, error_code, accepted, extracted, depth, backlog_bytes, claimed, pose, left_hand, right_hand, face} | {}
local s = redis.call('HMGET', KEYS[1], 'status', 'error_code', 'accepted', 'extracted', 'backlog_bytes', 'generation',
  'found_pose', 'found_left_hand', 'found_right_hand', 'found_face')
if not s[1] then return {} end
if s[1] == 'open' then
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[1]) end -- first: memory is checked at a script's first write
  local t = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'touched_ms', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
end
return {s[1], s[2] or '', tonumber(s[3]), tonumber(s[4]), redis.call('XLEN', KEYS[2]), tonumber(s[5]), s[6] and 1 or 0,
  tonumber(s[7] or 0), tonumber(s[8] or 0), tonumber(s[9] or 0), tonumber(s[10] or 0)}
