import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountOf } from '../../servers/account.ts'
import { findRabbitmq } from '../../servers/rabbitmq.ts'
import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'
import { standingParked } from './parked.ts'

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

/** A policy of an operator's for the queue of records, until the scenario is over or what this gives is called. */
export async function setPolicy(
  scene: Scene,
  definition: Record<string, string | number>,
): Promise<() => Promise<void>> {
  const { management } = scene.stack.stores
  const path = '/policies/%2F/chaos'
  let isSet = true
  const undo = async () => {
    if (isSet) await management('DELETE', path)
    isSet = false
  }
  scene.finally(undo)
  await management('PUT', path, { pattern: '^orders\\.persist$', definition, 'apply-to': 'queues' })
  return undo
}

/** So often the broker tries again to dead-letter what found no queue, in milliseconds; by itself every three minutes. */
const deadLetterAgain_ms = 2_000
export const brokerFlags = `-rabbit dead_letter_worker_publisher_confirm_timeout ${deadLetterAgain_ms}`

/**
 * An operator allows no message to be delivered twice, and workers die with healthy ones in hand: these are dead-lettered, while the queue
 * that they go to is gone.
 */
export async function deadLetter(scene: Scene): Promise<void> {
  const { stack, wait } = scene
  const { management } = stack.stores
  const undo = await setPolicy(scene, { 'delivery-limit': 0 })
  for (const worker of stack.workers) await worker.process.kill('SIGSTOP')
  await wait(2) // what comes now is in the hand of the one that is active
  await management('DELETE', '/queues/%2F/orders.parked')
  for (const worker of stack.workers) await worker.process.kill('SIGKILL')
  await wait(1)
  await undo()
}

/** Workers are back, and with them the queue: what is dead-lettered comes to the ledger. @throws Error if nothing does */
export async function untilDeadLettered(scene: Scene): Promise<void> {
  await scene.stack.ready()
  const found = async () => (await standingParked(scene)).filter(({ code }) => code === 'dead-lettered').length
  let count = 0
  for (let before = -1; count > before; ) {
    before = count
    await scene.wait((2.5 * deadLetterAgain_ms) / 1_000)
    count = await found()
  }
  if (count === 0) throw new Error('nothing was dead-lettered')
  scene.say(`  ${count} messages were dead-lettered`)
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
