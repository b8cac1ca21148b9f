import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountOf } from '../../servers/account.ts'
import { findRabbitmq } from '../../servers/rabbitmq.ts'
import { until } from '../../servers/testing.ts'
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

/** Sets how much of the disk has to be free, else the broker stops publishers. */
export async function setDiskLimit({ stack }: Scene, limit: string): Promise<void> {
  await rabbitmqctl(stack.server('rabbitmq').pid, 'set_disk_free_limit', limit)
}

/** The queue of records takes this many messages, and refuses more; or as many as it was declared with. */
export async function setLengthMax({ stack }: Scene, length: number | undefined): Promise<void> {
  const path = '/policies/%2F/chaos'
  if (length === undefined) return void (await stack.stores.management('DELETE', path))
  const policy = { pattern: '^orders\\.persist$', definition: { 'max-length': length }, 'apply-to': 'queues' }
  await stack.stores.management('PUT', path, policy)
}

/** The broker hangs, until records that Redis has taken wait for its confirm. */
export async function holdBack({ stack }: Scene): Promise<void> {
  await stack.server('rabbitmq').kill('SIGSTOP')
  await until('records wait for the broker', async () => (await stack.stores.dirty()).unsent > 5)
}

/** The broker hangs with all publishes on their way that there may be, and is killed then. */
export async function killWithFullWindow({ stack, wait }: Scene): Promise<void> {
  await stack.server('rabbitmq').kill('SIGSTOP')
  await wait(1.5)
  await stack.server('rabbitmq').kill('SIGKILL')
}

/** Its command line tool, as the broker itself was started. */
export async function rabbitmqctl(pid: number | undefined, ...args: string[]): Promise<void> {
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
