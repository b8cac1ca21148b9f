import type { Check, Violation } from './evidence.ts'

/** Most resident memory of a service, in MB: under load some 180 are usual. */
const memoryMax_mb = 300
/** Longest from the healing until all is quiet. */
const recoveryMax_s = 30

/** I8: memory stays bounded, nothing dies by itself, and what is refused for now says when to come again. */
export const processesHold: Check = ({ memory, dead, calls }) => {
  const found: Violation[] = []
  const say = (says: string) => found.push({ invariant: 'I8', says })
  for (const [name, mb] of Object.entries(memory)) if (mb > memoryMax_mb) say(`${name} took ${Math.round(mb)} MB`)
  for (const name of dead) say(`${name} died by itself`)
  for (const { kind, tag, id, answer } of calls) {
    if (answer === undefined) continue
    const { status, code, retry_after } = answer
    if (status >= 500 && status !== 503) say(`${kind} ${tag ?? id} was answered ${status} (${code})`)
    if ((status === 503 || status === 429) && !((retry_after ?? 0) >= 1))
      say(`${kind} ${tag ?? id} was answered ${status} (${code}) without Retry-After`)
  }
  return found
}

/** I9: all is quiet soon after the healing. */
export const recoversSoon: Check = ({ recovery_s, open }) => {
  if (recovery_s === undefined) return [{ invariant: 'I9', says: `it does not become quiet: ${open}` }]
  return recovery_s <= recoveryMax_s
    ? []
    : [{ invariant: 'I9', says: `it was quiet only after ${recovery_s.toFixed(1)} s` }]
}

/** I8: while everything is replaced in order, no request fails. */
export const nothingFails: Check = ({ mayFail, calls }) =>
  calls
    .filter(({ answer }) => !mayFail && (answer === undefined || answer.status >= 500 || answer.status === 429))
    .map(({ kind, tag, id, answer, error }) => ({
      invariant: 'I8',
      says: `${kind} ${tag ?? id} failed: ${answer?.status ?? error} ${answer?.code ?? ''}`,
    }))
