import { type Every, parseEvery } from './schedule.ts'

/** One declared option: how its text is read, what stands in for it, and what is said about it. */
export interface Option<T> {
  /** What it is for, in one sentence. */
  about: string
  /** What a value may be, in words: told with every fault. */
  range: string
  /** Text of the default; undefined: required. A table gives one for each NODE_ENV. */
  fallback: string | ByEnvironment | undefined
  /** Never print its value. */
  secret: boolean
  /** @throws Error if the text is not in range. */
  parse(text: string): T
}
export interface ByEnvironment {
  production: string
  otherwise: string
}

interface Common {
  about: string
  default?: string | ByEnvironment
  secret?: true
}
const option = <T>(common: Common, range: string, parse: (text: string) => T): Option<T> => ({
  about: common.about,
  range,
  fallback: common.default,
  secret: common.secret ?? false,
  parse,
})
const outOfRange = (): never => {
  throw new Error('out of range')
}

/** A whole number from `min` to `max`. */
export const whole = (common: Common & { min: number; max: number }): Option<number> =>
  option(common, `a whole number from ${common.min} to ${common.max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return value >= common.min && value <= common.max ? value : outOfRange()
  })

/** One of these words. */
export const oneOf = <const T extends string>(common: Common & { values: readonly T[] }): Option<T> =>
  option(common, common.values.join(', '), (text) => common.values.find((value) => value === text) ?? outOfRange())

/** Any text of at most `max` characters; empty is allowed where `min` is 0. */
export const anyText = (common: Common & { min: number; max: number }): Option<string> =>
  option(common, `${common.min} to ${common.max} characters`, (text) =>
    text.length >= common.min && text.length <= common.max ? text : outOfRange(),
  )

/** One or several URLs of these protocols, separated by commas. */
export const urls = (common: Common & { protocols: string[] }): Option<string[]> =>
  option(common, `one or several URLs (${common.protocols.join(', ')}), separated by commas`, (text) => {
    const all = text === '' ? [] : text.split(',').map((part) => part.trim())
    for (const url of all) if (!common.protocols.includes(new URL(url).protocol)) outOfRange()
    return all
  })

/** Where Postgres is: a URL, or `key=value` pairs as libpq takes them. Given back as a URL. */
export const postgresDsn = (common: Common): Option<string> =>
  option(
    common,
    'a URL (postgres://user:password@host:port/database) or host=… port=… user=… password=… dbname=…',
    (text) => {
      if (/^postgres(ql)?:\/\//.test(text)) return new URL(text).href
      const pairs = [...text.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/g)]
      if (pairs.length === 0 || text.replace(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/g, '').trim() !== '')
        outOfRange()
      const known = new Set([
        'host',
        'port',
        'user',
        'password',
        'dbname',
        'sslmode',
        'connect_timeout',
        'application_name',
      ])
      const values = new Map(
        pairs.map(([, key = '', quoted, bare]) => [key, quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '']),
      )
      for (const key of values.keys()) if (!known.has(key)) outOfRange()
      const url = new URL('postgres://localhost')
      url.hostname = values.get('host') ?? 'localhost'
      url.port = values.get('port') ?? ''
      url.username = encodeURIComponent(values.get('user') ?? '')
      url.password = encodeURIComponent(values.get('password') ?? '')
      url.pathname = `/${encodeURIComponent(values.get('dbname') ?? '')}`
      for (const key of ['sslmode', 'connect_timeout', 'application_name'])
        if (values.has(key)) url.searchParams.set(key, values.get(key) ?? '')
      return url.href
    },
  )

/** Where Redis is: `host:port`, a URL, or a list of either for a cluster. Given back as URLs. */
export const redisAddress = (common: Common): Option<string[]> =>
  option(common, 'host:port, a redis:// or rediss:// URL, or a list of these, separated by commas', (text) =>
    text.split(',').map((part) => {
      const url = new URL(/^rediss?:\/\//.test(part.trim()) ? part.trim() : `redis://${part.trim()}`)
      return url.hostname === '' ? outOfRange() : url.href
    }),
  )

/** When something recurs: five or six cron fields (UTC), `@hourly`, `@daily`, or `@every` and a span. */
export const schedule = (common: Common): Option<Every> =>
  option(
    common,
    'five or six cron fields (UTC), @hourly, @daily, or @every 15m (s, m, h; from 1s to 24h)',
    (text) => parseEvery(text) ?? outOfRange(),
  )
