import { BadData, Doubtful, Unavailable } from '@ordermill/model'
import t from 'tap'
import { databaseFailure, meaningOf, meanings } from './failure.ts'
import { testDatabase } from './testing.ts'

const { database } = await testDatabase(t)

const expected = { 'bad-data': BadData, unavailable: Unavailable, doubtful: Doubtful, behind: Doubtful }
const codeOf = (code: string) => `${meaningOf(code) === 'bad-data' ? 'sql' : 'database'}-${code}`

t.test('each class of errors that Postgres raises means what the table says, with its SQLSTATE as code', async (t) => {
  for (const [listed, meaning] of Object.entries(meanings).filter(([code]) => code.length === 2 || code === '57014')) {
    const state = listed.padEnd(5, listed === '57' ? 'P01' : '001')
    const text = `DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${state}'; END $$`
    const thrown: unknown = await database.query({ text }).catch((error: unknown) => error)
    t.equal(Object.getPrototypeOf(thrown), expected[meaning].prototype, `${state} is ${meaning}`)
    t.match(thrown, { message: /raised$/, code: codeOf(state) })
  }
})

t.test('what an outage raises is never taken for the doing of a record', async (t) => {
  const outage = [
    '08006',
    '25006',
    '25P03',
    '40001',
    '40P01',
    '53100',
    '53200',
    '53300',
    '55P03',
    '57P01',
    '57P02',
    '57P03',
  ]
  for (const code of [...outage, '58030', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENEW', ''])
    t.equal(meaningOf(code), 'unavailable', code)
})

t.test('a SQLSTATE that nobody listed is doubtful; a schema that is behind says so', async (t) => {
  for (const code of ['57014', 'XX001', 'P0001', '38001', 'UF001']) t.equal(meaningOf(code), 'doubtful', code)
  const thrown: unknown = await database.query({ text: 'SELECT colour FROM orders' }).catch((error: unknown) => error)
  t.match(thrown, { code: 'database-42703', message: /schema is not the one this version needs.*colour/ })
})

t.test('errors of the network and of anything else are unavailable, with their errno as code', async (t) => {
  for (const [code, meaning] of Object.entries(meanings).filter(([name]) => /^E[A-Z_]{4,}/.test(name))) {
    t.equal(meaning, 'unavailable')
    const thrown = databaseFailure(Object.assign(new Error('no'), { code }))
    t.equal(Object.getPrototypeOf(thrown), Unavailable.prototype)
    t.equal(thrown.code, codeOf(code))
  }
  t.match(databaseFailure(new Error('Connection terminated')), { name: 'Unavailable', code: 'database-away' })
  t.match(databaseFailure('text'), { name: 'Unavailable', message: 'text' })
})

t.test('what is a failure already stays the one it is', async (t) => {
  const bad = new BadData('a', 'b')
  const away = new Unavailable('a', 'b')
  t.equal(databaseFailure(bad), bad)
  t.equal(databaseFailure(away), away)
})
