import t from 'tap'
import { commented, sqlComment } from './comment.ts'

t.test('a correlation id becomes a comment that nothing in it can end', async (t) => {
  t.equal(sqlComment('01936f5e-8a4c:x.y_z'), ' /* correlation_id=01936f5e-8a4c:x.y_z */')
  t.equal(sqlComment('*/ DROP TABLE orders; /*'), ' /* correlation_id=___DROP_TABLE_orders____ */')
  t.equal(sqlComment("a\n'b\u0000\\"), ' /* correlation_id=a__b__ */')
  t.ok(sqlComment('x'.repeat(10_000)).length < 200)
  t.equal(sqlComment(undefined), '')
})

t.test('a statement with a comment is not prepared under a name; without one it stays as it is', async (t) => {
  const statement = { name: 'read', text: 'SELECT $1', values: [1] }
  t.equal(commented(statement, undefined), statement)
  t.same(commented(statement, 'me'), { text: 'SELECT $1 /* correlation_id=me */', values: [1] })
})
