-- live_drop (frames): deletes entries that were read or are obsolete, and the stream with its last entry.
-- KEYS stream   ARGV entry id …   -> how many of them were there
local there = redis.call('XDEL', KEYS[1], unpack(ARGV))
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1]) end
return there
