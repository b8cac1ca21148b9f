// Preloaded by tests (--import): a worker that hands a text with KILLER in it to Postgres dies on the spot, as if the driver had crashed.
import { createRequire } from 'node:module'

interface Driver {
  Client: { prototype: { query(...args: unknown[]): unknown } }
}
const { Client } = createRequire(new URL('../../packages/database/package.json', import.meta.url))('pg') as Driver
const { query } = Client.prototype
Client.prototype.query = function (...args) {
  const [statement] = args
  if (typeof statement === 'object' && JSON.stringify((statement as { values?: unknown }).values)?.includes('KILLER'))
    process.kill(process.pid, 'SIGKILL')
  return query.apply(this, args)
}
