import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { serversFolder } from './folders.ts'
import { processId } from './process-table.ts'

/** The environment without anybody's servers: a load goes to our own, never to those. And without what would change the product. */
export function machineOnly(): Record<string, string | undefined> {
  const ours = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'LOGNAME', 'ORDERS_DATA']
  const kept =
    /^(JAVA_HOME|ES_JAVA_HOME|MAVEN_|MVN_|NODE_EXTRA_CA_CERTS|SSL_|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy|npm_)/
  return Object.fromEntries(Object.entries(environment()).filter(([name]) => ours.includes(name) || kept.test(name)))
}

/** Removes the data (`<command>-<pid>` beside that of all servers) of runs of a command that were killed before they could. */
export function removeLeft(command: string): void {
  const folder = serversFolder()
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(`${command}-`) ? Number(name.slice(command.length + 1)) : Number.NaN
    if (Number.isInteger(pid) && processId(pid) === undefined)
      rmSync(join(folder, name), { recursive: true, force: true })
  }
}
