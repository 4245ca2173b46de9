-- settle (events): the line is in the file -> the entry goes, then its receipt and the capture's record say so.
-- KEYS events, receipt, record, unfinished   ARGV group, entry_id, receipt_json, ttl_s, capture_id, recorded_at -> 1
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
if ARGV[5] ~= '' then
  redis.call('ZREM', KEYS[4], ARGV[5])
  if redis.call('HGET', KEYS[3], 'outcome') == 'published' then
    redis.call('HSET', KEYS[3], 'recorded_at', ARGV[6])
  end
end
return 1
