-- row (frames): only the owner stores; the frame is deleted first, then its row is stored, so that a full broker
-- keeps draining. A row is stored once. The first row after a takeover notes that tracking restarted.
-- KEYS state, frames, rows
-- ARGV token, seq, row, byte_length, restart, ttl_open_s, ttl_ended_s, pose, left_hand, right_hand, face   -> 1 | 0
local s = redis.call('HMGET', KEYS[1], 'token', 'status', 'tracker_restarts')
if s[1] ~= ARGV[1] then return 0 end
redis.call('XDEL', KEYS[2], ARGV[2] .. '-0')
if redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'backlog_bytes', 0 - ARGV[4]) -- Redis knows no -0: a video's frames have no bytes
  redis.call('HINCRBY', KEYS[1], 'extracted', 1)
  for i, part in ipairs({'pose', 'left_hand', 'right_hand', 'face'}) do
    if ARGV[7 + i] == '1' then redis.call('HINCRBY', KEYS[1], 'found_' .. part, 1) end
  end
  if ARGV[5] == '1' then
    redis.call('HSET', KEYS[1], 'tracker_restarts', s[3] and (s[3] .. ',' .. ARGV[2]) or ARGV[2])
  end
end
local ttl = s[2] == 'open' and ARGV[6] or ARGV[7]
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ttl) end
return 1
