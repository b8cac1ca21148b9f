import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountOf } from '../../servers/account.ts'
import { findRabbitmq } from '../../servers/rabbitmq.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** Closes every connection by force, as an operator may in the management page. */
export async function closeConnections({ stack }: Scene): Promise<void> {
  const { management } = stack.stores
  const found = (await management('GET', '/connections')) as { name: string }[]
  // One that has gone by itself meanwhile is as good as closed.
  await Promise.allSettled(found.map(({ name }) => management('DELETE', `/connections/${encodeURIComponent(name)}`)))
}

/** Sets the share of memory beyond which the broker stops publishers. */
export async function setMemoryLimit({ stack }: Scene, share: string): Promise<void> {
  await rabbitmqctl(stack.server('rabbitmq').pid, 'set_vm_memory_high_watermark', share)
}

/** Its command line tool, as the broker itself was started. */
async function rabbitmqctl(pid: number | undefined, ...args: string[]): Promise<void> {
  if (pid === undefined) throw new Error('the broker does not run')
  const env = Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
  const program = join(findRabbitmq(env) ?? '', '..', 'rabbitmqctl')
  await promisify(execFile)(program, args, { env, cwd: env['HOME'] ?? '/', ...accountOf('rabbitmq'), timeout: 30_000 })
}
