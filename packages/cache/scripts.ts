/**
 * What must happen in one step on Redis. Members of the dirty sets are `<id>:<version>`; a head is the first line of an entry.
 * Ages come from the clock of Redis, the one clock that all callers share.
 */

/**
 * Accepts a version: compare-and-set on version and hash, the dirty limit, the mark, the count.
 * KEYS record, unsent, sent, counters · ARGV member, base version ('0': none), base hash, limit, entry, member of the base.
 * Gives 'accepted', 'accepted-behind-unsent', 'exists', 'absent' or 'limit', and the head that stands.
 */
export const accept = `
local head = redis.call('GETRANGE', KEYS[1], 0, 63)
local version, hash = string.match(head, '^(%d+) (%S+)')
if ARGV[2] == '0' then
  if version then return {'exists', head} end
elseif not version then return {'absent', ''}
elseif version ~= ARGV[2] or hash ~= ARGV[3] then return {'exists', head} end
if redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[4]) then return {'limit', ''} end
local outcome = 'accepted'
if version and redis.call('ZSCORE', KEYS[2], ARGV[6]) then
  redis.call('RENAME', KEYS[1], KEYS[1] .. ':' .. version)
  outcome = 'accepted-behind-unsent'
end
redis.call('SET', KEYS[1], ARGV[5])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
redis.call('HINCRBY', KEYS[4], 'accepted', 1)
return {outcome, ''}`

/** Turns marks of one bucket from unsent to sent. KEYS unsent, sent · ARGV prefix, members. Gives how many it turned. */
export const sent = `
local turned = 0
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZADD', KEYS[2], score, ARGV[i])
    redis.call('UNLINK', ARGV[1] .. ARGV[i])
    turned = turned + 1
  end
end
return turned`

/**
 * Turns marks of one bucket into parked. KEYS unsent, sent, parked · ARGV prefix, then id, version, hash of each.
 * A mark of a fork, which has another hash, is not meant; what has no mark gets none. Gives how many it turned.
 */
export const park = `
local turned = 0
for i = 2, #ARGV, 3 do
  local id, version, hash = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local member = id .. ':' .. version
  local key = ARGV[1] .. id
  local held, heldHash = string.match(redis.call('GETRANGE', key, 0, 63), '^(%d+) (%S+)')
  local _, marked = string.match(redis.call('GETRANGE', ARGV[1] .. member, 0, 63), '^(%d+) (%S+)')
  marked = marked or (held == version and heldHash)
  local score = redis.call('ZSCORE', KEYS[1], member) or redis.call('ZSCORE', KEYS[2], member)
  if score and (not marked or marked == hash) then
    redis.call('ZREM', KEYS[1], member)
    redis.call('ZREM', KEYS[2], member)
    redis.call('ZADD', KEYS[3], score, member)
    redis.call('UNLINK', ARGV[1] .. member)
    turned = turned + 1
  end
end
return turned`

/**
 * Takes a version out that was given up. KEYS record, unsent, sent, parked · ARGV member, version, hash.
 * A mark of a fork, which has another hash, stays, and so does any other version that is cached.
 */
export const discard = `
local replaced = KEYS[1] .. ':' .. ARGV[2]
local held, heldHash = string.match(redis.call('GETRANGE', KEYS[1], 0, 63), '^(%d+) (%S+)')
local _, marked = string.match(redis.call('GETRANGE', replaced, 0, 63), '^(%d+) (%S+)')
marked = marked or (held == ARGV[2] and heldHash)
if marked and marked ~= ARGV[3] then return 0 end
if held == ARGV[2] and heldHash == ARGV[3] then redis.call('UNLINK', KEYS[1]) end
redis.call('UNLINK', replaced)
return redis.call('ZREM', KEYS[2], ARGV[1]) + redis.call('ZREM', KEYS[3], ARGV[1]) + redis.call('ZREM', KEYS[4], ARGV[1])`

/**
 * Settles persisted versions of one bucket. KEYS unsent, sent, parked · ARGV prefix, ttl_s, floor_s, then id, version, hash of each.
 * Cached the same: clean, with a TTL. Cached an older one or a fork: no longer read; while the broker does not have it, it keeps its mark
 * and its text, to be published and parked. Absent: a floor, so that a late fill cannot bring an older one.
 */
export const settle = `
local removed = 0
for i = 4, #ARGV, 3 do
  local id, version, hash = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local member = id .. ':' .. version
  local key = ARGV[1] .. id
  local held, heldHash = string.match(redis.call('GETRANGE', key, 0, 63), '^(%d+) (%S+)')
  local _, marked = string.match(redis.call('GETRANGE', ARGV[1] .. member, 0, 63), '^(%d+) (%S+)')
  marked = marked or (held == version and heldHash)
  if not marked or marked == hash then
    removed = removed + redis.call('ZREM', KEYS[1], member) + redis.call('ZREM', KEYS[2], member) + redis.call('ZREM', KEYS[3], member)
    redis.call('UNLINK', ARGV[1] .. member)
  end
  if held == version and heldHash == hash then
    redis.call('EXPIRE', key, ARGV[2])
  elseif not held or tonumber(held) <= tonumber(version) then
    if held and redis.call('ZSCORE', KEYS[1], id .. ':' .. held) then redis.call('RENAME', key, key .. ':' .. held)
    elseif held then redis.call('UNLINK', key) end
    local floor = ARGV[1] .. 'floor:' .. id
    local standing = redis.call('GET', floor)
    if not standing or tonumber(standing) < tonumber(version) then redis.call('SET', floor, version, 'EX', ARGV[3]) end
  end
end
return removed`

/**
 * Fills the cache after a miss. KEYS record, floor · ARGV version, ttl_s, entry.
 * Gives '' when the given entry is to be served (kept, unless the floor or a dirty older one forbids it), else the newer one that stands.
 */
export const fill = `
local standing = redis.call('GET', KEYS[1])
if standing then
  if tonumber(string.match(standing, '^%d+')) >= tonumber(ARGV[1]) then return standing end
  if redis.call('TTL', KEYS[1]) < 0 then return '' end
end
local floor = redis.call('GET', KEYS[2])
if floor and tonumber(floor) > tonumber(ARGV[1]) then return '' end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
return ''`

/**
 * One step of a token bucket. KEYS: the bucket. ARGV: tokens a second, most tokens, tokens spent elsewhere already.
 * Gives 1 or 0 (taken or not) and what is left. Debts are kept, up to one full bucket: over time the rate holds.
 */
export const takeToken = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate, burst, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000) - owed
local taken = 0
if tokens >= 1 then
  tokens, taken = tokens - 1, 1
end
tokens = math.max(tokens, -burst)
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return {taken, tostring(tokens)}
`
