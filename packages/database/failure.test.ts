import { BadData, Unavailable } from '@ordermill/model'
import t from 'tap'
import { databaseFailure } from './failure.ts'
import { testDatabase } from './testing.ts'

const { database } = await testDatabase(t)

t.test('each error that Postgres raises is bad data or unavailable, with its SQLSTATE as code', async (t) => {
  const table: [string, 'bad-data' | 'unavailable'][] = [
    ['21000', 'bad-data'],
    ['22001', 'bad-data'],
    ['22003', 'bad-data'],
    ['22P02', 'bad-data'],
    ['22P05', 'bad-data'],
    ['23502', 'bad-data'],
    ['23505', 'bad-data'],
    ['23514', 'bad-data'],
    ['44000', 'bad-data'],
    ['54000', 'bad-data'],
    ['08006', 'unavailable'],
    ['25006', 'unavailable'],
    ['40001', 'unavailable'],
    ['40P01', 'unavailable'],
    ['42P01', 'unavailable'],
    ['42703', 'unavailable'],
    ['53100', 'unavailable'],
    ['53300', 'unavailable'],
    ['55P03', 'unavailable'],
    ['57014', 'unavailable'],
    ['57P01', 'unavailable'],
    ['57P03', 'unavailable'],
    ['58030', 'unavailable'],
    ['XX000', 'unavailable'],
    ['P0001', 'unavailable'],
  ]
  for (const [state, meaning] of table) {
    const text = `DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${state}'; END $$`
    const thrown = await database.query({ text }).then(
      () => undefined,
      (error: unknown) => error,
    )
    const expected = meaning === 'bad-data' ? BadData : Unavailable
    t.type(thrown, expected, state)
    t.match(thrown, { message: 'raised', code: `${meaning === 'bad-data' ? 'sql' : 'database'}-${state}` })
  }
})

t.test('errors of the network and of anything else are unavailable', async (t) => {
  const errno = (code: string) => Object.assign(new Error('no'), { code })
  t.match(databaseFailure(errno('ECONNREFUSED')), { name: 'Unavailable', code: 'database-ECONNREFUSED' })
  t.match(databaseFailure(errno('EPIPE')), { name: 'Unavailable', code: 'database-EPIPE' })
  t.match(databaseFailure(new Error('Connection terminated')), { name: 'Unavailable', code: 'database-away' })
  t.match(databaseFailure('text'), { name: 'Unavailable', message: 'text' })
})

t.test('what is a failure already stays the one it is', async (t) => {
  const bad = new BadData('a', 'b')
  const away = new Unavailable('a', 'b')
  t.equal(databaseFailure(bad), bad)
  t.equal(databaseFailure(away), away)
})
