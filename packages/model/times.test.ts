import fc from 'fast-check'
import t from 'tap'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { IsDateTime } from 'typebox/format'
import { isTime } from './times.ts'

const pad = (length: number) => (n: number) => String(n).padStart(length, '0')
const part = (max: number, length = 2) => fc.nat({ max }).map(pad(length))
const nearly = fc
  .tuple(
    part(9999, 4),
    part(14),
    part(33),
    part(25),
    part(61),
    part(61),
    part(999, 3),
    fc.constantFrom('Z', 'z', '+01:00', ''),
  )
  .map(
    ([year, month, day, hour, minute, second, ms, zone]) =>
      `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}${zone}`,
  )

t.test('what is a time is what the library says', async (t) => {
  fc.assert(
    fc.property(nearly, (text) => t.equal(isTime(text), IsDateTime(text), text) !== undefined),
    { numRuns: 2_000 },
  )
  for (const text of [
    '',
    'x',
    '2026-02-30T00:00:00.000Z',
    '2024-02-29T00:00:00.000Z',
    '2026-01-01T00:00:00.000Z\n',
    '2026-01-01',
  ])
    t.equal(isTime(text), IsDateTime(text), JSON.stringify(text))
})

t.test('schemas check times so', async (t) => {
  const checker = Compile(Type.String({ format: 'date-time' }))
  t.ok(checker.Check('2026-11-21T09:30:00.000Z'))
  t.notOk(checker.Check('2026-11-31T09:30:00.000Z'))
})
