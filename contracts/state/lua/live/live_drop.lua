-- live_drop (frames): entries that were read, or are not wanted any more, go, and with the last one the stream.
-- KEYS stream   ARGV entry id …   -> how many of them were there
local there = redis.call('XDEL', KEYS[1], unpack(ARGV))
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1]) end
return there
