import fc from 'fast-check'
import t from 'tap'
import { timeOf } from './rows.ts'
import { testDatabase } from './testing.ts'

t.test('times of rows are read as a Date would print them, whatever Postgres can hold', async (t) => {
  const { database } = await testDatabase(t, { poolMax: 1 })
  const dates = fc.sample(fc.date({ min: new Date(-2e14), max: new Date(2e14), noInvalidDate: true }), 500)
  const odd = ['0000-12-18T10:16:20.071Z', '0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-11-21T20:01:46.100Z', '2026-11-21T20:01:46.000Z'] // biome-ignore format: one line
  const times = [...dates.map((date) => date.toISOString()), ...odd]
  const inWords = (time: string) => {
    const [, sign, year = '', rest] = /^([+-]?)(\d+)(-.*)$/.exec(time) ?? []
    const isBefore = sign === '-' || Number(year) === 0 // a Date counts the year 0, which is 1 BC
    return isBefore ? `${String(Number(year) + 1).padStart(4, '0')}${rest} BC` : `${year}${rest}`
  }
  const rows = await database.query<{ at: string; micros: string }>({
    text: `SELECT at::text, (at + interval '7 microseconds')::text AS micros FROM unnest($1::timestamptz[]) WITH ORDINALITY AS t(at, n) ORDER BY n`,
    values: [times.map(inWords)],
  })
  t.same(
    rows.map(({ at }) => timeOf(at)),
    times,
  )
  const plain = rows.filter((_, n) => /^\d{4}-/.test(times[n] ?? ''))
  t.same(
    plain.map(({ micros }) => timeOf(micros)),
    plain.map(({ at }) => timeOf(at)),
    'what is finer than a millisecond is cut off',
  )
  t.equal(timeOf('2026-11-21 21:01:46.5+01'), '2026-11-21T20:01:46.500Z', 'in another time zone')
})
