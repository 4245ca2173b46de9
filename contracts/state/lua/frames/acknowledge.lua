-- acknowledge (frames): the capture has its outcome -> its dispatch entry goes, in one step: an entry acknowledged and
-- not deleted would be nobody's, and stay for ever.
-- KEYS dispatch   ARGV group, dispatch_id   -> 1
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
