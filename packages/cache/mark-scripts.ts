/**
 * What becomes of marks, in one step on Redis, bucket by bucket. Members of the dirty sets are `<id>:<version>`; a head is the first line
 * of an entry.
 */

/**
 * Turns marks from unsent to sent. Of each bucket: KEYS unsent, sent · ARGV prefix, how many, then the members. Gives how many it turned.
 */
export const sent = `
local turned, at = 0, 1
for bucket = 1, #KEYS, 2 do
  local unsent, sent, prefix, last = KEYS[bucket], KEYS[bucket + 1], ARGV[at], at + 1 + ARGV[at + 1]
  local scores = redis.call('ZMSCORE', unsent, unpack(ARGV, at + 2, last))
  local members, scored, own = {}, {}, {}
  for i, score in ipairs(scores) do
    if score then
      local member = ARGV[at + 1 + i]
      table.insert(members, member)
      table.insert(scored, score)
      table.insert(scored, member)
      table.insert(own, prefix .. member)
    end
  end
  if #members > 0 then
    redis.call('ZREM', unsent, unpack(members))
    redis.call('ZADD', sent, unpack(scored))
    redis.call('UNLINK', unpack(own))
    turned = turned + #members
  end
  at = last + 1
end
return turned`

/**
 * Goes through versions by their buckets, three keys each: KEYS unsent, sent, parked · ARGV prefix, how many, then id, version, hash of
 * each. Sets, for each version, what is cached of it (\`held\`, \`heldHash\`) and the hash of what its mark is about (\`marked\`, if it is
 * known); and once for each bucket whether any of its versions is kept under a key of its own (\`kept\`), which few are.
 */
const eachVersion = (first: number, before: string, body: string, after: string) => `
local at = ${first}
for bucket = 1, #KEYS, 3 do
  local unsent, sent, parked, prefix = KEYS[bucket], KEYS[bucket + 1], KEYS[bucket + 2], ARGV[at]
  local last = at + 1 + 3 * ARGV[at + 1]
  local own = {}
  for i = at + 2, last, 3 do table.insert(own, prefix .. ARGV[i] .. ':' .. ARGV[i + 1]) end
  local kept = redis.call('EXISTS', unpack(own)) > 0
  ${before}
  for i = at + 2, last, 3 do
    local id, version, hash = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local member, key = id .. ':' .. version, prefix .. id
    local held, heldHash = string.match(redis.call('GETRANGE', key, 0, 63), '^(%d+) (%S+)')
    local marked = held == version and heldHash
    if kept then
      local _, keptHash = string.match(redis.call('GETRANGE', prefix .. member, 0, 63), '^(%d+) (%S+)')
      marked = keptHash or marked
    end${body}
  end${after}
  at = last + 1
end`

/**
 * Turns marks into parked. KEYS, ARGV as above.
 * A mark of a fork, which has another hash, is not meant; what has no mark gets none. Gives how many it turned.
 */
export const park = `
local turned = 0
${eachVersion(
  1,
  '',
  `
    local score = redis.call('ZSCORE', unsent, member) or redis.call('ZSCORE', sent, member)
    if score and (not marked or marked == hash) then
      redis.call('ZREM', unsent, member)
      redis.call('ZREM', sent, member)
      redis.call('ZADD', parked, score, member)
      redis.call('UNLINK', prefix .. member)
      turned = turned + 1
    end`,
  '',
)}
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
 * Settles persisted versions. KEYS as above · ARGV ttl_s, then as above.
 * Cached the same: clean, with a TTL. Cached an older one or a fork: no longer read; while the broker does not have it, it keeps its mark
 * and its text, to be published and parked. Who has asked Postgres before may have an older row in hand, or none, and loses its token.
 */
export const settle = `
local removed = 0
${eachVersion(
  2,
  'local cleared, gone = {}, {}',
  `
    if not marked or marked == hash then
      table.insert(cleared, member)
    end
    local stands = held == version and heldHash == hash
    if stands then redis.call('EXPIRE', key, ARGV[1])
    elseif held and tonumber(held) <= tonumber(version) then
      if redis.call('ZSCORE', unsent, id .. ':' .. held) then
        redis.call('RENAMENX', key, key .. ':' .. held)
        kept = true
      end
      redis.call('UNLINK', key)
    end
    table.insert(gone, key .. ':asked')`,
  `
  if #cleared > 0 then
    removed = removed + redis.call('ZREM', unsent, unpack(cleared)) + redis.call('ZREM', sent, unpack(cleared))
    removed = removed + redis.call('ZREM', parked, unpack(cleared))
  end
  if kept then
    for _, member in ipairs(cleared) do table.insert(gone, prefix .. member) end
  end
  redis.call('UNLINK', unpack(gone))`,
)}
return removed`
