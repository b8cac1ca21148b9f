import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Guarded } from './guard.ts'
import { isRunning, type ProcessId, processTree, signalProcess } from './process-table.ts'

// Started by Guard. Reads the list of processes from its parent; at the end of the pipe the parent is gone.
const entries = new Map<number, Guarded>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as { add?: Guarded; drop?: number }
  if (message.add) entries.set(message.add.pid, message.add)
  if (message.drop !== undefined) entries.delete(message.drop)
}
await Promise.all([...entries.values()].map(end))

async function end(entry: Guarded): Promise<void> {
  const tree: ProcessId[] = processTree(entry)
  signalProcess(entry, entry.signal)
  const deadline = performance.now() + entry.graceMs
  while (isRunning(entry) && performance.now() < deadline) {
    for (const child of processTree(entry)) if (!tree.some((known) => known.pid === child.pid)) tree.push(child)
    await sleep(100)
  }
  for (const left of tree) signalProcess(left, 'SIGKILL')
}
