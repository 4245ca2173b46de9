-- live_put (frames): puts a frame into a worker's inbox, or an answer into a gateway's outbox; an entry that no process reads in
-- time expires. A repetition may add it twice: the reader takes each frame, and each answer, once.
-- KEYS stream   ARGV ttl_ms, field, value …   -> entry id
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return id
