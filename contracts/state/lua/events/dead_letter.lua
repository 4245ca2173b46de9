-- dead_letter (events): moves an event that can never be appended from the stream to the dead letters, with the reason.
-- They are bounded by age, number and bytes: the oldest are removed, and counted. An empty entry_id means that the
-- letter is not from the stream; without fields the event is removed and not kept.
-- KEYS events, receipt, record, unfinished, dead
-- ARGV group, entry_id, receipt_json, ttl_s, capture_id, code, max_dead, max_bytes, max_age_ms, field, value …
-- -> {removed because of their age, removed to make room}
local t = redis.call('TIME')
local oldest_ms = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[9])
-- first: memory is checked at a script's first write, and this frees some
local expired, for_room = redis.call('XTRIM', KEYS[5], 'MINID', oldest_ms), 0
if ARGV[2] ~= '' then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
end
if #ARGV > 9 then
  local function extent(entries) -- where the one entry begins and ends, counted in bytes since the first letter ever
    local before, size, fields = 0, 0, entries[1] and entries[1][2] or {}
    for i = 1, #fields, 2 do
      if fields[i] == 'bytes_before' then before = tonumber(fields[i + 1]:match('^%d+$') and fields[i + 1]:sub(1, 15)) or 0
      else size = size + #fields[i] + #fields[i + 1] end
    end
    return before, before + size
  end
  local _, last = extent(redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1))
  local size = 0
  for i = 10, #ARGV do size = size + #ARGV[i] end
  while true do
    local oldest = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)
    if not oldest[1] or last + size - extent(oldest) <= tonumber(ARGV[8]) then break end
    for_room = for_room + redis.call('XDEL', KEYS[5], oldest[1][1])
  end
  local number = redis.call('XLEN', KEYS[5])
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'bytes_before', string.format('%.0f', last), unpack(ARGV, 10))
  for_room = for_room + number + 1 - redis.call('XLEN', KEYS[5])
end
if ARGV[5] ~= '' then
  redis.pcall('ZREM', KEYS[4], ARGV[5])
  if redis.pcall('HGET', KEYS[3], 'outcome') == 'published' then
    redis.call('HSET', KEYS[3], 'outcome', 'dead', 'error_code', ARGV[6])
  end
end
return {expired, for_room}
