-- end_stream (frames): adds the one terminal entry, ID = last + 1, and sets the status; a full stream or broker does not
-- refuse it. Repeated, it returns the status that is set. An abort deletes the frames.
-- With idle_ms > 0 (the extractor's rule) it ends only a capture that its gateway has not touched for so long.
-- KEYS state, frames, rows   ARGV status, error_code, ttl_s, idle_ms, field, value …
-- -> {closed | aborted | failed | finished, error_code} | {BUSY, ''} | {GONE, ''}
local s = redis.call('HMGET', KEYS[1], 'status', 'error_code', 'accepted', 'touched_ms')
if not s[1] then return {'GONE', ''} end
if s[1] ~= 'open' then return {s[1], s[2] or ''} end
local idle = tonumber(ARGV[4])
if idle > 0 then
  local t = redis.call('TIME')
  if t[1] * 1000 + math.floor(t[2] / 1000) - (tonumber(s[4]) or 0) < idle then return {'BUSY', ''} end
end
redis.call('EXPIRE', KEYS[1], ARGV[3]) -- first: memory is checked at a script's first write, and this one is free
if ARGV[1] == 'aborted' then redis.call('DEL', KEYS[2]) end -- not XTRIM: a stray entry's ID must not stop the abort
local frames = s[3] and #s[3] < 16 and s[3]:match('^%d+$') -- else the sequence is unknown, and the broker picks the ID
redis.call('XADD', KEYS[2], frames and string.format('%.0f-0', frames + 1) or '*', unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3]) -- rows wait as long as the frames for an extractor that needs both
redis.call('HSET', KEYS[1], 'status', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'error_code', ARGV[2]) end
return {ARGV[1], ARGV[2]}
