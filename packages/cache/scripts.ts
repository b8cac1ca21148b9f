/**
 * What must happen in one step on Redis. Members of the dirty sets are `<id>:<version>`; a head is the first line of an entry.
 * Ages come from the clock of Redis, the one clock that all callers share. Where an unsent version is kept under a key of its own
 * already, the mark is about that one, and what stands in its place is another with the same number: hence RENAMENX.
 */

/** The run id of this Redis: a process that took over, or came back, has another one, and may have forgotten the last writes. */
const runId = `local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')`

/**
 * Looks at the epoch of a bucket and, given a newer one, opens that: Postgres counts as behind until its barrier has passed.
 * KEYS epoch, counters · ARGV the epoch to open, '' to look only. Gives the epoch that stands ('': none) and 1 if it holds here, else 0.
 */
export const epoch = `${runId}
local held, epoch = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)')
local holds = held == run
if ARGV[1] ~= '' and (not holds or epoch < ARGV[1]) then
  redis.call('SET', KEYS[1], run .. ' ' .. ARGV[1] .. ' behind')
  redis.call('UNLINK', KEYS[2])
  return {ARGV[1], 1}
end
return {epoch or '', holds and 1 or 0}`

/** What was accepted before this epoch is persisted. KEYS epoch · ARGV the epoch. Gives 1 if it stood here. */
export const caughtUp = `
local held, epoch = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)')
if epoch ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], held .. ' ' .. epoch .. ' caught-up')
return 1`

/**
 * Writes what stands again, so that WAIT on the same connection answers for all that was written before. KEYS epoch · ARGV the epoch.
 * Gives 1 if it holds here, else 0: then what was written in it may be forgotten already.
 */
export const stamp = `${runId}
local state = redis.call('GET', KEYS[1]) or ''
local held, epoch = string.match(state, '^(%S+) (%S+)')
if held ~= run or epoch ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], state)
return 1`

/** As `epoch`, within a script: sets `epoch` (nil unless it holds here) and `state` by an epoch's key, once `run` is known. */
const readEpoch = (
  key: string,
) => `local held, epoch, state = string.match(redis.call('GET', ${key}) or '', '^(%S+) (%S+) (%S+)')
if held ~= run then epoch = nil end`

/**
 * Accepts versions: compare-and-set on version and hash, the dirty limit, the mark, the count. The version that one replaces is kept
 * under a key of its own as long as the broker may lack it. Nothing cached is no proof that there is none, since what Postgres has may
 * have been evicted: a first version whose id somebody else may have used too names the token under which Postgres had none.
 * Of each: KEYS record, unsent, sent, counters, epoch · ARGV (after the limit) id, version, base version ('0': none), base hash (or that
 * token; ''), entry, epoch. Gives of each 'accepted' and how many versions right before it are unsent; or 'exists', 'absent', 'limit' or
 * 'epoch' (it is another one), and 0.
 */
export const accept = `${runId}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local outcomes = {}
for i = 0, #KEYS / 5 - 1 do
  local key, unsent, sent, counters = KEYS[5 * i + 1], KEYS[5 * i + 2], KEYS[5 * i + 3], KEYS[5 * i + 4]
  local id, version, base, proof = ARGV[6 * i + 2], ARGV[6 * i + 3], ARGV[6 * i + 4], ARGV[6 * i + 5]
  local entry, expected = ARGV[6 * i + 6], ARGV[6 * i + 7]
  ${readEpoch('KEYS[5 * i + 5]')}
  local standing, hash = string.match(redis.call('GETRANGE', key, 0, 63), '^(%d+) (%S+)')
  local outcome, before = 'accepted', 0
  if epoch ~= expected then outcome = 'epoch'
  elseif base == '0' and standing then outcome = 'exists'
  elseif base == '0' and proof ~= '' and redis.call('GET', key .. ':asked') ~= proof then outcome = 'exists'
  elseif base ~= '0' and not standing then outcome = 'absent'
  elseif base ~= '0' and (standing ~= base or hash ~= proof) then outcome = 'exists'
  elseif redis.call('ZCARD', unsent) + redis.call('ZCARD', sent) >= tonumber(ARGV[1]) then outcome = 'limit'
  else
    if standing then
      while redis.call('ZSCORE', unsent, id .. ':' .. (standing - before)) do before = before + 1 end
      if before > 0 then redis.call('RENAMENX', key, key .. ':' .. standing) end
    end
    redis.call('SET', key, entry)
    redis.call('ZADD', unsent, now, id .. ':' .. version)
    redis.call('HINCRBY', counters, expected, 1)
  end
  table.insert(outcomes, outcome)
  table.insert(outcomes, before)
end
return outcomes`

/**
 * Says what the broker may lack of a record. KEYS unsent, epoch · ARGV id, version, epoch. Gives how many versions up to this one, it
 * included, without a gap; -1 if another epoch is in force.
 */
export const unsentUpTo = `${runId}
${readEpoch('KEYS[2]')}
if epoch ~= ARGV[3] then return -1 end
local count = 0
while redis.call('ZSCORE', KEYS[1], ARGV[1] .. ':' .. (ARGV[2] - count)) do count = count + 1 end
return count`

/**
 * Gives the tokens of those who ask Postgres for records now. One ends with the next version that is settled, and by itself:
 * what is offered without it may be old. (The lease of Nishtala et al., "Scaling Memcache at Facebook", 2013.)
 * KEYS asked, of each · ARGV ttl_s, then the token of each if there is none.
 */
export const ask = `
local tokens = {}
for i, key in ipairs(KEYS) do
  local token = redis.call('GET', key)
  if not token then
    token = ARGV[i + 1]
    redis.call('SET', key, token, 'EX', ARGV[1])
  end
  table.insert(tokens, token)
end
return tokens`

/**
 * Offers what Postgres has ('0' and '': nothing) where the cache has nothing, or something of an earlier epoch: what may be older
 * than what Redis once knew. What the broker may lack is kept for it under a key of its own.
 * Of each: KEYS record, asked, unsent, epoch · ARGV (after ttl_s) id, version, hash, entry, epoch, '1' if Postgres had caught up when it
 * was asked, the token from before it was asked.
 * Gives of each 'epoch' (it is another one); 'behind' and what stands: Postgres may have lacked something when it was asked, nothing was
 * kept, and 1 if it has caught up by now; 'standing' and what is to be served instead of what was offered; 'offered'. Always three.
 */
export const fill = `${runId}
local outcomes = {}
for i = 0, #KEYS / 4 - 1 do
  local key, asked, unsent = KEYS[4 * i + 1], KEYS[4 * i + 2], KEYS[4 * i + 3]
  local id, offered, offeredHash, entry = ARGV[7 * i + 2], tonumber(ARGV[7 * i + 3]), ARGV[7 * i + 4], ARGV[7 * i + 5]
  local expected, hadCaughtUp, token = ARGV[7 * i + 6], ARGV[7 * i + 7], ARGV[7 * i + 8]
  ${readEpoch('KEYS[4 * i + 4]')}
  local standing = redis.call('GET', key)
  local version, hash, born
  if standing then
    version, hash, born = string.match(standing, '^(%d+) (%S+) (%S+)')
    version = tonumber(version)
  end
  local outcome, serve, caughtUp, kept = 'offered', '', 0, offered > 0
  if epoch ~= expected then outcome = 'epoch'
  elseif born == epoch then
    if version >= offered then outcome, serve = 'standing', standing
    elseif redis.call('TTL', key) < 0 then kept = false end
  elseif state ~= 'caught-up' then outcome, serve = 'behind', standing or ''
  elseif hadCaughtUp ~= '1' then outcome, serve, caughtUp = 'behind', standing or '', 1
  elseif standing then
    local dirty = redis.call('TTL', key) < 0
    if dirty and (version > offered or hash == offeredHash) then outcome, serve = 'standing', standing
    else
      if redis.call('ZSCORE', unsent, id .. ':' .. version) then redis.call('RENAMENX', key, key .. ':' .. version) end
      redis.call('UNLINK', key)
    end
  end
  if outcome == 'offered' and kept and redis.call('GET', asked) == token then
    redis.call('SET', key, entry, 'EX', ARGV[1])
  end
  table.insert(outcomes, outcome)
  table.insert(outcomes, serve)
  table.insert(outcomes, caughtUp)
end
return outcomes`

/** Takes a clean copy away that still is this one. KEYS record · ARGV version, hash. What is dirty has no TTL. Gives 1 if it took it. */
export const removeClean = `
local held, heldHash = string.match(redis.call('GETRANGE', KEYS[1], 0, 63), '^(%d+) (%S+)')
if held ~= ARGV[1] or heldHash ~= ARGV[2] or redis.call('TTL', KEYS[1]) < 0 then return 0 end
return redis.call('UNLINK', KEYS[1])`

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
