-- mark_closed (events): frees the user's slot after all frames and the close entry are in the frames broker, and notes in
-- the record when that was, by this broker's clock.
-- KEYS record, user_captures   ARGV capture_id   -> 1
redis.call('ZREM', KEYS[2], ARGV[1]) -- first: memory is checked at a script's first write
if redis.call('EXISTS', KEYS[1]) == 1 then
  local t = redis.call('TIME')
  redis.call('HSETNX', KEYS[1], 'closed_ms', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
end
return 1
