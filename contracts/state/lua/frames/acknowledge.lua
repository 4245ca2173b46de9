-- acknowledge (frames): removes the dispatch entry of a capture that has its outcome, in one step: an entry that is
-- acknowledged and not deleted would stay in the stream forever.
-- KEYS dispatch   ARGV group, dispatch_id   -> 1
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
