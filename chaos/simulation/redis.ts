import { compileLua, type LuaValue, type Script } from './lua.ts'

type Value = string | Map<string, number> | Map<string, string>
interface Stored {
  value: Value
  /** In milliseconds of the server's clock; undefined: kept. */
  expiresAt: number | undefined
}

/** A Redis in memory: the commands that the cache uses, with their rules. */
export interface Redis {
  /** A command by its name in capitals. */
  command(name: string, args: LuaValue[]): LuaValue
  script(lua: string, keys: string[], argv: string[]): LuaValue
  /** Forgets everything it was told after `at_ms`, and comes back as another process. */
  forgetAfter(at_ms: number): void
  /** Forgets everything, and comes back as another process. */
  wipe(): void
  /** Comes back as another process with all that it knew. */
  restart(): void
  /** Throws a key with a TTL away, as it may when memory is short. */
  evict(key: string): void
  /** Names this process: another one may have forgotten something. */
  runId(): string
  /** Everything it holds, by key, for comparing and looking. */
  contents(): Map<string, { value: Value; expiresAt: number | undefined }>
}

const scripts = new Map<string, Script>() // what was compiled stays compiled

const ended = (text: LuaValue) => new RedisError(`ERR ${text}`)

/** An error that Redis itself answers. */
export class RedisError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ReplyError'
  }
}

interface RedisParts {
  /** The clock of the server, in milliseconds of the Unix epoch. */
  now_ms(): number
  newRunId(): string
  /** Told what is counted as accepted: what was marked last, `<id>:<version>`. */
  onCounted(member: string): void
  /** Told of every barrier that has passed. */
  onPassed(): void
  /** Told of every mark that is set: its set, and `<id>:<version>`. */
  onMarked(set: string, member: string): void
}

export function createRedis({ now_ms, newRunId, onCounted, onMarked, onPassed }: RedisParts): Redis {
  let data = new Map<string, Stored>()
  let past: { at: number; key: string; before: Stored | undefined }[] = []
  let runId = newRunId()
  let told: { runId: string; info: string } | undefined
  const info = () => {
    if (told?.runId !== runId)
      told = {
        runId,
        info: `run_id:${runId}\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nconnected_slaves:0\r\n`,
      }
    return told.info
  }

  const peek = (key: string): Stored | undefined => {
    const found = data.get(key)
    if (found?.expiresAt === undefined || found.expiresAt > now_ms()) return found
    data.delete(key)
    return undefined
  }
  const put = (key: string, stored: Stored | undefined) => {
    past.push({ at: now_ms(), key, before: data.get(key) })
    if (past.length > 500) past = past.slice(-250)
    if (stored === undefined) data.delete(key)
    else data.set(key, stored)
  }
  const text = (key: string): string | undefined => {
    const value = peek(key)?.value
    if (value !== undefined && typeof value !== 'string') throw new RedisError('WRONGTYPE')
    return value
  }
  const scores = (key: string): Map<string, number> => (peek(key)?.value ?? new Map()) as Map<string, number>
  const fields = (key: string): Map<string, string> => (peek(key)?.value ?? new Map()) as Map<string, string>
  const keepMap = (key: string, value: Map<string, number> | Map<string, string>) =>
    put(key, value.size === 0 ? undefined : { value, expiresAt: peek(key)?.expiresAt })
  const sorted = (key: string) => [...scores(key)].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : a > b ? 1 : 0))
  const remove = (keys: string[]) => {
    const there = keys.filter((key) => peek(key) !== undefined)
    for (const key of there) put(key, undefined)
    return there.length
  }

  const commands: Record<string, (...args: string[]) => LuaValue> = {
    PING: () => 'PONG',
    GET: (key = '') => text(key) ?? false,
    MGET: (...keys) => keys.map((key) => text(key) ?? false),
    GETRANGE: (key = '', from = '0', to = '-1') =>
      (text(key) ?? '').slice(Number(from), Number(to) < 0 ? undefined : Number(to) + 1),
    SET(key = '', value = '', option, seconds) {
      put(key, { value, expiresAt: option === 'EX' ? now_ms() + Number(seconds) * 1_000 : undefined })
      return 'OK'
    },
    SETEX(key = '', seconds = '', value = '') {
      if (key.endsWith(':barrier')) onPassed()
      return commands['SET']?.(key, value, 'EX', seconds)
    },
    EXPIRE(key = '', seconds = '') {
      const found = peek(key)
      if (found !== undefined) put(key, { ...found, expiresAt: now_ms() + Number(seconds) * 1_000 })
      return found === undefined ? 0 : 1
    },
    TTL(key = '') {
      const found = peek(key)
      if (found === undefined) return -2
      return found.expiresAt === undefined ? -1 : Math.round((found.expiresAt - now_ms()) / 1_000)
    },
    EXISTS: (...keys) => keys.filter((key) => peek(key) !== undefined).length,
    UNLINK: (...keys) => remove(keys),
    DEL: (...keys) => remove(keys),
    RENAME(from = '', to = '') {
      const found = peek(from)
      if (found === undefined) throw new RedisError('ERR no such key')
      put(from, undefined)
      put(to, found)
      return 'OK'
    },
    RENAMENX(from = '', to = '') {
      if (peek(to) !== undefined) return 0
      commands['RENAME']?.(from, to)
      return 1
    },
    ZADD(key = '', ...scored) {
      const after = new Map(scores(key))
      const { size } = after
      for (let at = 0; at < scored.length; at += 2) {
        const member = scored[at + 1] ?? ''
        onMarked(key, member)
        after.set(member, Number(scored[at]))
      }
      keepMap(key, after)
      return after.size - size
    },
    ZREM(key = '', ...members) {
      const there = [...new Set(members)].filter((member) => scores(key).has(member))
      if (there.length === 0) return 0
      const after = new Map(scores(key))
      for (const member of there) after.delete(member)
      keepMap(key, after)
      return there.length
    },
    ZMSCORE: (key = '', ...members) =>
      members.map((member) => {
        const score = scores(key).get(member)
        return score === undefined ? false : String(score)
      }),
    ZSCORE(key = '', member = '') {
      const score = scores(key).get(member)
      return score === undefined ? false : String(score)
    },
    ZCARD: (key = '') => scores(key).size,
    ZRANGE: (key = '', start = '0', stop = '-1', withScores) =>
      sorted(key)
        .slice(Number(start), Number(stop) < 0 ? undefined : Number(stop) + 1)
        .flatMap(([member, score]) => (withScores === undefined ? [member] : [member, String(score)])),
    ZRANGEBYSCORE: (key = '', _min, max = '', _limit, offset = '0', count = '-1') =>
      scores(key).size === 0
        ? []
        : sorted(key)
            .filter(([, score]) => score <= Number(max))
            .slice(Number(offset), Number(offset) + Number(count))
            .map(([member]) => member),
    HINCRBY(key = '', field = '', by = '') {
      const value = Number(fields(key).get(field) ?? 0) + Number(by)
      keepMap(key, new Map(fields(key)).set(field, String(value)))
      return value
    },
    HGET: (key = '', field = '') => fields(key).get(field) ?? false,
    HGETALL: (key = '') => [...fields(key)].flat(),
    TIME: () => [String(Math.floor(now_ms() / 1_000)), String(Math.floor(now_ms() % 1_000) * 1_000)],
    INFO: info,
  }
  const command = (name: string, args: LuaValue[]): LuaValue => {
    const run = commands[name]
    if (run === undefined) throw ended(`unknown command ${name}`)
    for (let at = 0; at < args.length; at += 1) if (typeof args[at] !== 'string') args[at] = String(args[at])
    return run(...(args as string[]))
  }

  let marked = ''
  const call = (name: LuaValue, ...args: LuaValue[]): LuaValue => {
    if (name === 'ZADD') marked = String(args[2])
    if (name === 'HINCRBY') onCounted(marked)
    return command(String(name), args)
  }

  return {
    command,
    script(lua, keys, argv) {
      let script = scripts.get(lua)
      if (script === undefined) {
        script = compileLua(lua)
        scripts.set(lua, script)
      }
      return script(keys, argv, call)
    },
    forgetAfter(at_ms) {
      for (let one = past.pop(); one !== undefined && one.at > at_ms; one = past.pop()) {
        if (one.before === undefined) data.delete(one.key)
        else data.set(one.key, one.before)
      }
      past = []
      runId = newRunId()
    },
    wipe() {
      data = new Map()
      past = []
      runId = newRunId()
    },
    restart() {
      runId = newRunId()
    },
    evict(key) {
      if (data.get(key)?.expiresAt !== undefined) data.delete(key)
    },
    runId: () => runId,
    contents: () => new Map([...data].filter(([key]) => peek(key) !== undefined)),
  }
}
