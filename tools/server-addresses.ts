import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'

/** The environment, completed by the addresses of the servers that `npm start` keeps. */
export function withServers(): Record<string, string | undefined> {
  const env = environment()
  const file = join(import.meta.dirname, '../.servers/start/env')
  if (env['POSTGRES_DSN'] !== undefined || !existsSync(file)) return env
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='))
  const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  return { ...Object.fromEntries(pairs), ...env }
}
