import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment, readOptions } from '@ordermill/config'
import { createDatabase, createReader, createTable } from '@ordermill/database'
import { type Base, orders } from '@ordermill/model'
import { firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import type { ToldChange } from '@ordermill/queue'
import { startServer } from '@ordermill/servers'
import { corner, until } from '@ordermill/servers/testing'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { patch, post, remove, spawnService, startTestApi, startTestWorker } from '../testing.ts'
import { toldChange } from './changes.ts'

type Env = Record<string, string>

t.jobs = 3 // each has a corner of its own, and waits more than it works
/** In `churn` nobody tells the worker of changes: it looks for them. */
const often = { FOLLOW_EVERY_MS: '50' }

/** A queue of somebody who listens: durable, so that it outlives a broker's restart. What it has is read by `read`. */
async function listen(t: Test, { env, namespace }: { env: Env; namespace: string }, name: string) {
  const queue = `${namespace}${name}`
  const model = await connect(env['RABBITMQ_URL'] ?? '')
  const channel = await model.createChannel()
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertExchange(`${namespace}ordermill.changes`, 'topic', { durable: true })
  await channel.bindQueue(queue, `${namespace}ordermill.changes`, 'orders.changed')
  await model.close()
  const heard: ToldChange[] = []
  const read = async () => {
    const reading = await connect(env['RABBITMQ_URL'] ?? '')
    reading.on('error', () => undefined)
    const on = await reading.createChannel()
    t.teardown(async () => {
      await on.deleteQueue(queue).catch(() => undefined)
      await reading.close().catch(() => undefined)
    })
    await on.consume(
      queue,
      (message) => {
        if (message !== null) heard.push(JSON.parse(message.content.toString()) as ToldChange)
      },
      { noAck: true },
    ) // prettier-ignore
  }
  return { heard, read }
}

function databaseOf(t: Test, env: Env) {
  const { POSTGRES_DSN: dsn } = readOptions(env, ['POSTGRES_DSN'])
  const database = createDatabase({ dsn, name: 'test', poolMax: 2, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const table = createTable(database, orders)
  return {
    database,
    stored: createReader(database, orders),
    place: (...versions: Base[]) =>
      table.apply(
        versions.map((version) => [version]),
        new AbortController().signal,
      ),
    async cursor(): Promise<number> {
      const text = `SELECT change_seq FROM search_cursors WHERE index_uuid = '(changes)orders'`
      return (await database.query<{ change_seq: number }>({ text }))[0]?.change_seq ?? -1
    },
  }
}

/** What somebody knows who leaves repeats, and what went backwards without being a repeat. */
function known(heard: ToldChange[]) {
  const last = new Map<string, ToldChange>()
  const seen = new Set<string>()
  const backwards: ToldChange[] = []
  for (const change of heard) {
    const name = `${change.id}:${change.change_seq}`
    const before = last.get(change.id)
    if (before === undefined || change.change_seq > before.change_seq) last.set(change.id, change)
    else if (!seen.has(name)) backwards.push(change)
    seen.add(name)
  }
  return { last, backwards }
}

/** Waits until each of these is told as it stands; none went back on the way. */
async function allTold(t: Test, heard: ToldChange[], standing: Base[]) {
  const isTold = () => {
    const { last } = known(heard)
    return standing.every(({ id, version }) => last.get(id)?.version === version)
  }
  await until('each is told as it stands', isTold, 60_000)
  t.same(known(heard).backwards, [])
}

t.test(
  'a change names the fields that later versions changed, each by the last that did, as far back as is known',
  (t) => {
    const [first, second, third] = orderChain()
    const fourth = nextOrder(third, { status: 'confirmed', quantity: 2 })
    const told = (of: Base, past: Base[]) =>
      toldChange(orders, { record: of.record, past: past.map(({ record }) => record), change_seq: 9 })
    t.match(told(first, []), { version: 1, created: true, deleted: false, changed: {}, since: 1, change_seq: 9 })
    t.strictSame(told(second, [first]).changed, { quantity: 2 })
    t.strictSame(told(fourth, [third, second, first]).changed, { status: 4, quantity: 4 })
    t.match(told(fourth, [third]), { created: false, since: 3 })
    t.match(told(fourth, []), { changed: {}, since: 4 }, 'nothing is claimed of what is not known')
    const back = nextOrder(second, { quantity: 1 })
    t.strictSame(told(back, [second, first]).changed, { quantity: 3 }, 'changed and changed back is a change')
    t.end()
  },
)

t.test('an order that is placed, patched and deleted is told three times, in order, with what changed', async (t) => {
  const made = await corner(t, environment())
  const { heard, read } = await listen(t, made, 'listener')
  await read()
  const { url } = await startTestApi(t, made.env)
  const worker = await startTestWorker(t, made.env)
  const { body } = await post(`${url}/api/orders?wait=persisted`, { product_name: 'LANTERN', amount: 1 })
  const id = String(body['order_id'])
  const one = `${url}/api/orders/${id}`
  await until('the first is told', () => heard.length === 1)
  await patch(`${one}?wait=persisted`, { quantity: 3, amount: 2 })
  await until('the second is told', () => heard.length === 2)
  await remove(`${one}?wait=persisted`)
  await until('the third is told', () => heard.length === 3)
  t.match(heard, [
    { id, version: 1, created: true, deleted: false, changed: {}, since: 1 },
    { id, version: 2, created: false, deleted: false, changed: { quantity: 2, amount: 2 }, since: 1 },
    { id, version: 3, created: false, deleted: true, changed: { quantity: 2, amount: 2 }, since: 1 },
  ])
  t.same(known(heard).backwards, [])
  const metrics = await (await fetch(`${worker.address}/metrics`)).text()
  t.match(metrics, /^changes_told_total\{collection="orders",service="worker"\} 3$/m)
  t.match(metrics, /^follower_behind_changes\{collection="orders",follower="changes",service="worker"\} 0$/m)
})

t.test('the listener of the operations page says what changed', async (t) => {
  const { env, namespace } = await corner(t, environment())
  const root = join(import.meta.dirname, '../..')
  const page = readFileSync(join(root, 'docs/ops.md'), 'utf8')
  const [, code = ''] = /```js\n(\/\/ listen\.mjs[\s\S]*?)```/.exec(page) ?? []
  const queue = `${namespace}billing.orders`
  const { url } = await startTestApi(t, env)
  await startTestWorker(t, env)
  const here = code
    .replaceAll('billing.orders', queue)
    .replaceAll("'ordermill.changes'", `'${namespace}ordermill.changes'`)
  const listener = spawn(process.execPath, ['--input-type=module', '-e', here], {
    cwd: root,
    env: { RABBITMQ_URL: env['RABBITMQ_URL'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const model = await connect(env['RABBITMQ_URL'] ?? '')
  const channel = await model.createChannel()
  t.teardown(async () => {
    listener.kill('SIGKILL')
    await once(listener, 'exit')
    await channel.deleteQueue(queue)
    await model.close()
  })
  let said = ''
  listener.stdout.on('data', (data: Buffer) => {
    said += data.toString()
  })
  await until('it is bound and told', async () => {
    await post(`${url}/api/orders?wait=persisted`, { product_name: 'KNOCK', amount: 1 })
    return said !== ''
  })
  const { body } = await post(`${url}/api/orders?wait=persisted`, { product_name: 'LANTERN', amount: 1 })
  const id = String(body['order_id'])
  const says = (line: string) => until(line, () => said.includes(`${id} ${line}\n`))
  await says('1 read it anew')
  await patch(`${url}/api/orders/${id}?wait=persisted`, { amount: 2, status: 'confirmed' })
  await says('2 status,amount')
  await patch(`${url}/api/orders/${id}?wait=persisted`, { quantity: 2 })
  await says('3 quantity')
  await remove(`${url}/api/orders/${id}?wait=persisted`)
  await says('4 deleted')
})

t.test('where nobody is bound nothing piles up, and who binds a queue is told of what comes then', async (t) => {
  const made = await corner(t, environment())
  const { place, cursor, stored } = databaseOf(t, made.env)
  const worker = await startTestWorker(t, made.env)
  await place(...Array.from({ length: 700 }, () => firstOrder()))
  await until('the cursor is at the last change', async () => (await cursor()) === (await stored.lastChange()))
  t.match(await (await fetch(`${worker.address}/metrics`)).text(), /^changes_told_total\{.*\} 0$/m)
  const { heard, read } = await listen(t, made, 'late')
  await read()
  const order = firstOrder()
  await place(order)
  await until('it is told', () => heard.length > 0)
  t.match(heard, [{ id: order.id, version: 1 }])
  t.equal(heard.length, 1)
})

t.test('a table without a cursor is told from where it stands, not from its first change', async (t) => {
  const made = await corner(t, environment())
  const { place, database, cursor } = databaseOf(t, made.env)
  const { heard, read } = await listen(t, made, 'new')
  await read()
  await place(firstOrder(), firstOrder())
  await database.query({ text: 'DELETE FROM search_cursors' })
  await startTestWorker(t, made.env)
  await until('it has begun', async () => (await cursor()) >= 2)
  const order = firstOrder()
  await place(order)
  await until('it is told', () => heard.length > 0)
  t.match(heard, [{ id: order.id }])
})

t.test('switched off nothing is told; switched on again it goes on where it was', async (t) => {
  const made = await corner(t, environment())
  const { place, cursor } = databaseOf(t, made.env)
  const { heard, read } = await listen(t, made, 'switched')
  await read()
  const off = await startTestWorker(t, { ...made.env, CHANGES: 'off', ELASTICSEARCH_URL: '' })
  const order = firstOrder()
  await place(order)
  await until('the others follow', async () =>
    /^follower_changes_total\{.*follower="texts".*outcome="done".*\} 1$/m.test(
      await (await fetch(`${off.address}/metrics`)).text(),
    ),
  )
  t.equal(await cursor(), 0)
  await off.stop()
  t.equal(heard.length, 0)
  await startTestWorker(t, made.env)
  await until('it is told', () => heard.some(({ id }) => id === order.id))
})

/** Changes of forty orders, one on top of the other, until `stop`; gives what stands at the end. */
async function churn(
  { place }: { place(...versions: Base[]): Promise<unknown> },
  rounds: number,
  during: (round: number) => Promise<void>,
) {
  let standing = Array.from({ length: 40 }, () => firstOrder({ quantity: 1 }))
  await place(...standing)
  for (let round = 0; round < rounds; round += 1) {
    standing = standing.map((order) => nextOrder(order, { quantity: round + 2 }))
    await place(...standing)
    await during(round)
  }
  return standing
}

t.test(
  'with the worker killed three times amid hundreds of changes none is missed, and no order goes back',
  async (t) => {
    const made = await corner(t, environment())
    const db = databaseOf(t, made.env)
    const { heard, read } = await listen(t, made, 'killed')
    await read()
    const env = { ...made.env, ...often }
    let worker = spawnService(t, 'worker', env)
    const standing = await churn(db, 30, async (round) => {
      const before = heard.length
      await until('it tells', () => heard.length > before, 30_000)
      if (round % 8 !== 7) return // else it is killed while it tells
      worker.child.kill('SIGKILL')
      await once(worker.child, 'exit')
      await db.database.query({ text: 'UPDATE leases SET expires_at = now()' }) // the next one need not wait for that
      worker = spawnService(t, 'worker', env)
    })
    await allTold(t, heard, standing)
    t.ok(heard.length > 400, `${heard.length} messages`)
    const quantities = heard.map(({ changed, version }) => version === 1 || changed['quantity'] === version)
    t.notOk(quantities.includes(false), 'and each says what changed')
  },
)

t.test('what changes while the broker is away is told when it is back, and no order goes back', async (t) => {
  const made = await corner(t, environment())
  const rabbitmq = await startServer('rabbitmq', { env: environment() })
  t.teardown(() => rabbitmq.remove())
  const env = { ...made.env, ...rabbitmq.env }
  const db = databaseOf(t, env)
  const { heard, read } = await listen(t, { env, namespace: made.namespace }, 'away')
  const worker = await startTestWorker(t, { ...env, ...often, PUBLISH_TIMEOUT_MS: '1000' })
  const told = async () =>
    Number(/^changes_told_total\{.*\} (\d+)$/m.exec(await (await fetch(`${worker.address}/metrics`)).text())?.[1])
  const standing = await churn(db, 20, async (round) => {
    if (round > 10) return
    const before = round === 0 ? 0 : await told()
    await until('some are told', async () => (await told()) > before)
    if (round === 10) await rabbitmq.kill('SIGKILL')
  })
  t.ok((await db.cursor()) < (await db.stored.lastChange()), 'the cursor waits')
  await rabbitmq.start()
  await read()
  await allTold(t, heard, standing)
  await until('the cursor is at the last change', async () => (await db.cursor()) === (await db.stored.lastChange()))
})
