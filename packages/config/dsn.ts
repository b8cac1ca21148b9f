/** The parameters of libpq that are understood (PostgreSQL, section 34.1.2 'Parameter Key Words'). */
const known = ['host', 'port', 'user', 'password', 'dbname', 'sslmode', 'connect_timeout', 'application_name']
const pair = /(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s']\S*))(?:\s+|$)/gy

/**
 * Reads where Postgres is: a URL, or `key=value` pairs as libpq takes them. Gives a URL; undefined if it is neither.
 * A host that is a folder (its socket is in it) becomes a parameter, as a URL cannot say it otherwise.
 */
export function readDsn(text: string): string | undefined {
  try {
    return /^postgres(ql)?:\/\//.test(text) ? fromUrl(text) : fromPairs(text.trim())
  } catch {
    return undefined // not a URL, or with escapes that cannot be decoded
  }
}

function fromUrl(text: string): string | undefined {
  const url = new URL(text.replace(/^(\w+:\/\/[^/?#]*@)(?=[/?])/, '$1localhost')) // the host may be in the parameters
  for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part)
  return url.hostname === '' ? undefined : url.href
}

function fromPairs(text: string): string | undefined {
  const found = [...text.matchAll(pair)]
  if (found.length === 0 || found.reduce((sum, [whole]) => sum + whole.length, 0) !== text.length) return undefined
  const values = new Map(
    found.map(([, key = '', quoted, bare = '']) => [key, (quoted ?? bare).replace(/\\(.)/g, '$1')]),
  )
  if ([...values.keys()].some((key) => !known.includes(key))) return undefined
  const take = (key: string) => values.get(key) ?? ''
  const host = take('host') || 'localhost'
  const isFolder = host.startsWith('/')
  if (!/^\d{0,5}$/.test(take('port')) || (!isFolder && !/^[\w.:-]+$/.test(host))) return undefined
  const port = take('port') === '' ? '' : `:${take('port')}`
  const url = new URL(`postgres://${isFolder ? 'localhost' : host.includes(':') ? `[${host}]` : host}${port}`)
  url.username = encodeURIComponent(take('user'))
  url.password = encodeURIComponent(take('password'))
  url.pathname = `/${encodeURIComponent(take('dbname'))}`
  if (isFolder) url.searchParams.set('host', host)
  for (const key of ['sslmode', 'connect_timeout', 'application_name'])
    if (values.has(key)) url.searchParams.set(key, take(key))
  return url.href
}
