import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { readDsn } from './dsn.ts'
import { type Every, parseEvery } from './schedule.ts'

export const minute_ms = 60_000
/** A default that is another one in production; undefined: required there. */
export const devOr = (otherwise: string, production: string | undefined): ByEnvironment => ({ production, otherwise })

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
  production: string | undefined
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

/** Any text of `min` to `max` characters; `pattern` narrows it down, and `of` says to what. */
export const anyText = (
  common: Common & { min: number; max: number; pattern?: RegExp; of?: string },
): Option<string> => {
  const { min, max, pattern = /^/, of = 'characters' } = common
  return option(common, `${min} to ${max} ${of}`, (text) =>
    text.length >= min && text.length <= max && pattern.test(text) ? text : outOfRange(),
  )
}

/** Several values, separated by commas. */
const list = (text: string): string[] => text.split(',').map((part) => part.trim())

/** One or several URLs of these protocols, separated by commas; none only where the default is none. */
export const urls = (common: Common & { protocols: string[] }): Option<string[]> =>
  option(common, `one or several URLs (${common.protocols.join(', ')}), separated by commas`, (text) => {
    if (text === '' && common.default === '') return []
    return list(text).map((one) => {
      const url = urlOf(one)
      return common.protocols.includes(url.protocol) ? one : outOfRange()
    })
  })

/** Reads a URL that names a host and has nothing in it that cannot be decoded. */
function urlOf(text: string): URL {
  const url = new URL(text)
  if (url.hostname === '') outOfRange()
  for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part)
  return url
}

/** Origins of web pages (scheme, host and port), or `*` alone for every one; none where empty. */
export const origins = (common: Common): Option<string[]> =>
  option(common, 'origins as in https://shop.example, separated by commas, or * for every one', (text) => {
    if (text === '') return []
    const all = list(text)
    const isOrigin = (one: string) => /^https?:\/\//.test(one) && new URL(one).origin === one
    return text === '*' || all.every(isOrigin) ? all : outOfRange()
  })

/** Addresses and networks, separated by commas; none where empty. */
export const networks = (common: Common): Option<string[]> =>
  option(common, 'addresses or networks as in 10.0.0.0/8, separated by commas', (text) => {
    if (text === '') return []
    return list(text).map((one) => {
      const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(one) ?? []
      const bitsMax = [0, 0, 0, 0, 32, 0, 128][isIP(address)] ?? 0
      return bitsMax > 0 && Number(bits ?? bitsMax) <= bitsMax ? one : outOfRange()
    })
  })

/** Where Postgres is: a URL, or `key=value` pairs as libpq takes them. Given back as a URL. */
export const postgresDsn = (common: Common): Option<string> =>
  option(
    common,
    'a URL (postgres://user:password@host:port/database) or host=… port=… user=… password=… dbname=…',
    (text) => readDsn(text) ?? outOfRange(),
  )

/** Where Redis is: `host:port`, a URL, or a list of either for a cluster, which has one database only. Given back as URLs. */
export const redisAddress = (common: Common): Option<string[]> =>
  option(common, 'host:port, a redis:// or rediss:// URL, or a list of these, separated by commas', (text) => {
    const found = list(text)
    return found.map((one) => {
      const { protocol, pathname, href } = urlOf(one.includes('://') ? one : `redis://${one}`)
      const databases = found.length > 1 ? /^\/?0?$/ : /^(\/\d*)?$/
      return /^rediss?:$/.test(protocol) && databases.test(pathname) ? href : outOfRange()
    })
  })

/** When something recurs: five or six cron fields (UTC), `@hourly`, `@daily`, or `@every` and a span. */
export const schedule = (common: Common): Option<Every> =>
  option(
    common,
    'five or six cron fields (UTC), @hourly, @daily, @weekly, @monthly, or @every 15m (h, m, s; from 1s to 24h)',
    (text) => parseEvery(text) ?? outOfRange(),
  )

/** As `schedule`; undefined, which is never, where empty. */
export const scheduleOrNever = (common: Common): Option<Every | undefined> => {
  const { range, parse, ...rest } = schedule(common)
  return { ...rest, range: `${range}; empty: never`, parse: (text) => (text === '' ? undefined : parse(text)) }
}

/** The certificates in a file (PEM), read at once: what cannot be used is said before anything connects. undefined where empty. */
export const certificates = (common: Common): Option<string | undefined> =>
  option(common, 'the path of a file with certificates (PEM)', (path) => {
    if (path === '') return undefined
    const pem = readFileSync(path, 'utf8')
    const all = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? outOfRange()
    return all.map((one) => new X509Certificate(one).toString()).join('')
  })
