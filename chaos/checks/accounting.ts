import { hashOf } from '@ordermill/model'
import type { Check, Violation } from './evidence.ts'

/** I7: it adds up, exactly, and agrees with the tables. */
export const itAddsUp: Check = ({ accounting, accounted }) => {
  const found: Violation[] = []
  const say = (says: string) => found.push({ invariant: 'I7', says })
  if (!accounting.exact) say('the accounting is not exact, though all is quiet')
  if (accounting.difference !== 0) say(`accepted and ended differ by ${accounting.difference}`)
  if (accounting.in_flight !== 0) say(`${accounting.in_flight} are said to be in flight`)
  if (accounted.persisted !== accounted.stored)
    say(`${accounted.persisted} versions were counted as persisted, and there are ${accounted.stored}`)
  return found
}

/** I7: what is parked is what was sent, to the byte. */
export const parkedIsIntact: Check = ({ parked }) =>
  parked.flatMap(({ n, id, version, hash, body, parent }) =>
    hash === null || version === null || hash === hashOf(body, parent)
      ? []
      : [
          {
            invariant: 'I7',
            says: `the bytes of the parked row ${n} (${id} version ${version}) are not what its hash says`,
          },
        ],
  )
