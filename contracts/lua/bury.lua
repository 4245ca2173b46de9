-- bury (events): an event that can never be appended goes to the dead letters, whole and with its reason, in the same
-- step in which it leaves the stream.
-- KEYS events, receipt, record, unfinished, dead
-- ARGV group, entry_id, receipt_json, ttl_s, capture_id, code, max_dead, field, value …   -> 1
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', unpack(ARGV, 8))
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
if ARGV[5] ~= '' then
  redis.call('ZREM', KEYS[4], ARGV[5])
  if redis.call('HGET', KEYS[3], 'outcome') == 'published' then
    redis.call('HSET', KEYS[3], 'outcome', 'dead', 'error_code', ARGV[6])
  end
end
return 1
