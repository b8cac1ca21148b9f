import type { ChildProcess } from 'node:child_process'
import { logTail } from './log-file.ts'
import type { Plan } from './plan.ts'
import { PortTaken } from './ports.ts'
import { diskFull, ServerProblem } from './problem.ts'

/** Why a program ended before it answered, as one sentence, read from what it wrote to its log. */
export function explainEnd(plan: Plan, child: ChildProcess, logFrom: number): ServerProblem {
  const tail = logTail(plan.logFile, logFrom)
  if (/no space left on device|enospc/i.test(tail)) return diskFull(plan.dataDir)
  const port = /address already in use|eaddrinuse/i.test(tail)
    ? (plan.ports.find(({ number }) => tail.includes(String(number))) ?? plan.ports[0])
    : undefined
  if (port) return new PortTaken(plan.title, port)
  const how = child.signalCode ? `was killed by ${child.signalCode}` : `ended with code ${child.exitCode}`
  const last = tail.trimEnd().split('\n').at(-1)?.trim().slice(0, 300)
  const said = last ? ` Its last words: ${last}.` : ''
  return new ServerProblem(
    'ENDED',
    `${plan.title} ${how} before it answered.${said} Read ${plan.logFile} and start again.`,
  )
}

/** The sentence for a program that runs but does not answer. */
export function explainSilence(plan: Plan): ServerProblem {
  const seconds = Math.round(plan.readyTimeoutMs / 1000)
  return new ServerProblem(
    'NOT_READY',
    `${plan.title} did not answer within ${seconds} s at ${plan.url}. Read ${plan.logFile} and start again.`,
  )
}
