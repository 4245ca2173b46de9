-- drop_letter (events): removes a dead letter for good, and notes that and when.
-- KEYS dead, note   ARGV letter_id, ttl_s   -> {new, now_ms} | {gone, note}
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
  local note = redis.pcall('GET', KEYS[2])
  return {'gone', type(note) == 'string' and note or ''}
end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('SET', KEYS[2], 'dropped ' .. now, 'EX', ARGV[2])
return {'new', now}
