import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillQueue } from '../bench/fill.ts'
import type { Evidence, Violation } from './checks/evidence.ts'
import { checks } from './checks/index.ts'
import { operationsOf } from './checks/operations.ts'
import { discardParked } from './faults/parked.ts'
import { gather } from './gather.ts'
import { type Call, readHistory } from './load/history.ts'
import { startLoad } from './load/load.ts'
import { type AskedLoad, settingsOf } from './load/settings.ts'
import { untilQuiet } from './quiet.ts'
import type { Outcome } from './results.ts'
import type { Scenario, Scene } from './scenarios/scenario.ts'
import { createRandom } from './simulation/random.ts'
import type { Service, Stack } from './stack.ts'

export interface Playing {
  stack: Stack
  scenario: Scenario
  seed: number
  /** Goes before the tags of this run: another for each. */
  prefix: string
  asked: AskedLoad
  outage_s: number | undefined
  /** Where the history goes. */
  folder: string
  signal: AbortSignal
  say(line: string): void
}

/** Plays a scenario: load, break, heal, wait until all is quiet, check. The stack is well before and, unless it is broken, after. */
export async function play(playing: Playing): Promise<Outcome> {
  const { stack, scenario, signal } = playing
  const given = Object.entries(scenario.options ?? {}) as [Service['kind'], Record<string, string>][]
  for (const [kind, options] of given) await stack.replace(kind, options)
  const outcome = await playOn(playing)
  signal.throwIfAborted()
  for (const [kind] of given) await stack.replace(kind)
  return outcome
}

async function playOn(playing: Playing): Promise<Outcome> {
  const { stack, scenario, seed, prefix, folder, signal, say } = playing
  const settings = settingsOf(playing.asked, scenario.load)
  await placeBefore(playing)
  const change_seq = await stack.stores.lastChange()
  const before = await stack.stores.untouched(change_seq)
  stack.memory()
  const file = join(folder, `history-${scenario.name}-${seed}.ndjson`)
  const head = { scenario: scenario.name, seed, prefix, change_seq, parked: await stack.stores.lastParked() }
  const load = startLoad({ settings, head, file, apis: () => stack.apis.map(({ url }) => url) })
  const random = createRandom(seed)
  const outage_s = scenario.outage_s === undefined ? 0 : (playing.outage_s ?? scenario.outage_s)
  const wait = (seconds: number) => sleep(seconds * 1_000, undefined, { signal }).then(() => undefined)
  const undone: (() => Promise<unknown>)[] = []
  const last = { lastParked: head.parked, finally: (undo: () => Promise<unknown>) => undone.push(undo) }
  const scene: Scene = { stack, load, random, outage_s, say, wait, ...last }
  const violations: Violation[] = []
  const failed = (what: string, thrown: unknown) =>
    violations.push({ invariant: what, says: thrown instanceof Error ? thrown.message : String(thrown) })
  try {
    await wait(settings.before_s + random.float() * scenario.within_s)
    await breakAndHeal(scenario, scene)
    await wait(settings.after_s)
  } catch (thrown) {
    failed('fault', thrown)
    await scenario.heal?.(scene).catch(() => undefined) // the first error is the one to tell
  } finally {
    for (const undo of undone.reverse()) await undo().catch((thrown: unknown) => failed('fault', thrown))
    await load.stop()
  }
  signal.throwIfAborted()
  let recovery = await untilQuiet(stack, performance.now())
  if (scenario.after !== undefined) {
    await scenario.after(scene).catch((thrown: unknown) => failed('operator', thrown))
    const { open } = await untilQuiet(stack, performance.now())
    if (open !== undefined) recovery = { recovery_s: undefined, open }
  }
  const dead = stack.dead()
  load.history.mark('quiet')
  load.history.close()
  const { calls } = readHistory(file)
  for (const code of scenario.answered ?? [])
    if (!calls.some(({ answer }) => answer?.code === code)) failed('fault', `nobody was answered ${code}`)
  const mayFail = scenario.nothingFails !== true
  const evidence = await gather({ stack, head, mayFail, calls, before, dead, recovery })
  for (const check of checks) violations.push(...check(evidence))
  if (scenario.nothingParks === true)
    for (const { n, code } of evidence.parked)
      violations.push({ invariant: 'I1', says: `row ${n} was parked (${code}), though nothing is wrong with it` })
  if (scenario.allAnswered === true)
    for (const { kind, tag, id, answer, error } of calls)
      if (answer === undefined)
        violations.push({ invariant: 'I8', says: `${kind} ${tag ?? id} was not answered: ${error}` })
  await discardParked(scene) // the next one finds none
  return outcomeOf(playing, evidence, violations, file)
}

/** Puts what is missing of the orders that stand before it on the queue, and waits until they are indexed. */
async function placeBefore({ stack, scenario: { records = 0 }, signal, say }: Playing): Promise<void> {
  const { stores, env } = stack
  const missing = records - (await stores.untouched(Number.MAX_SAFE_INTEGER))
  if (missing <= 0) return
  say(`  ${missing.toLocaleString('en')} orders before it begins`)
  await fillQueue({ env, namespace: '', count: missing, cached: false, bundled: true, signal })
  for (let quiet = false; !quiet; ) {
    signal.throwIfAborted()
    quiet = (await untilQuiet(stack, performance.now())).open === undefined
  }
}

async function breakAndHeal(scenario: Scenario, scene: Scene): Promise<void> {
  const { stack, load, outage_s, wait } = scene
  load.history.mark('break')
  const brokenAt = performance.now()
  await scenario.break?.(scene)
  await wait(Math.max(0, outage_s - (performance.now() - brokenAt) / 1_000)) // some stay until it is over
  load.history.mark('heal')
  await scenario.heal?.(scene)
  await stack.ready()
  load.history.mark('healed')
}

function outcomeOf({ scenario, seed }: Playing, evidence: Evidence, violations: Violation[], file: string): Outcome {
  const operations = operationsOf(evidence.calls)
  const count = (invariant: string, text = '') =>
    violations.filter((one) => one.invariant === invariant && one.says.includes(text)).length
  return {
    scenario: scenario.name,
    seed,
    calls: evidence.calls.length,
    calls_per_s: perSecond(evidence.calls),
    accepted: operations.filter(({ accepted }) => accepted.length > 0).length,
    unanswered: evidence.calls.filter(({ answer }) => answer === undefined).length,
    refused: evidence.calls.filter(({ answer }) => answer?.status === 503).length,
    lost: count('I1', 'lost'),
    unexpected: count('I2'),
    duplicates_applied: count('I3'),
    parked: evidence.parked.filter(({ state }) => state === 'PARKED').length,
    open: evidence.accounting.in_flight + evidence.dirty.unsent + evidence.dirty.sent,
    recovery_s: evidence.recovery_s,
    memory_mb: Math.round(Math.max(0, ...Object.values(evidence.memory))),
    violations,
    history: file,
  }
}

/** How many calls began a second, from the first to the last of them; they are listed as they ended. */
function perSecond(calls: Call[]): number {
  let [first, last] = [Number.POSITIVE_INFINITY, 0]
  for (const { began_ms } of calls) {
    first = Math.min(first, began_ms)
    last = Math.max(last, began_ms)
  }
  return Math.round(calls.length / Math.max(1, (last - first) / 1_000))
}
