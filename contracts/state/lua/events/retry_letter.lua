-- retry_letter (events): puts a dead letter's event back into the stream, and removes the letter: both, or neither. A
-- capture whose outcome was dead is published again. What was done is noted, so that a repeat learns that it is done.
-- KEYS dead, events, note, record, unfinished   ARGV letter_id, ttl_s, capture_id, field, value …
-- -> {new, entry_id, now_ms} | {gone, note}
if not redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1] then
  local note = redis.pcall('GET', KEYS[3])
  return {'gone', type(note) == 'string' and note or ''}
end
redis.call('XDEL', KEYS[1], ARGV[1]) -- first: memory is checked at a script's first write, and this frees some
local id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('SET', KEYS[3], 'retried ' .. now .. ' ' .. id, 'EX', ARGV[2])
if ARGV[3] ~= '' and redis.pcall('HGET', KEYS[4], 'outcome') == 'dead' then
  redis.call('HSET', KEYS[4], 'outcome', 'published', 'entry_id', id)
  redis.call('HDEL', KEYS[4], 'error_code')
  redis.pcall('ZADD', KEYS[5], now, ARGV[3]) -- the sweep sees to it until its line is in the file
end
return {'new', id, now}
