-- live_put (frames): a frame into a worker's inbox, or an answer into a gateway's outbox; what nobody takes in time goes.
-- Repeated it may be there twice: who reads it takes a frame, and an answer, once.
-- KEYS stream   ARGV ttl_ms, field, value …   -> entry id
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return id
