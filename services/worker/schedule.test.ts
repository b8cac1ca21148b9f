import { readOptions } from '@ordermill/config'
import fc from 'fast-check'
import cron from 'node-cron'
import t from 'tap'

const part = (low: number, high: number) => {
  const value = fc.integer({ min: low, max: high + 1 }).map(String)
  const range = fc.tuple(value, value).map(([a, b]) => `${a}-${b}`)
  const step = fc.tuple(fc.oneof(fc.constant('*'), range), fc.integer({ min: 0, max: 99 })).map(([a, b]) => `${a}/${b}`)
  return fc
    .array(fc.oneof(fc.constant('*'), value, range, step), { minLength: 1, maxLength: 2 })
    .map((all) => all.join())
}
const words = ['mon', 'FRI', 'jan-mar', 'sun-sat', 'Feb', 'dec,jan', 'mon-wed', '*', '7', '0']
const expressions = fc
  .tuple(
    part(0, 59),
    part(0, 23),
    part(1, 31),
    fc.oneof(part(1, 12), fc.constantFrom(...words)),
    fc.oneof(part(0, 7), fc.constantFrom(...words)),
  )
  .map((fields) => fields.join(' '))

t.test('every cron expression that the configuration takes, the scheduler takes too', async (t) => {
  let taken = 0
  fc.assert(
    fc.property(expressions, (expression) => {
      try {
        readOptions({ MV_REFRESH_SCHEDULE: expression }, ['MV_REFRESH_SCHEDULE'])
      } catch {
        return true
      }
      taken += 1
      return cron.validate(expression)
    }),
    { numRuns: 3_000 },
  )
  t.ok(taken > 100, `${taken} were taken`)
})
