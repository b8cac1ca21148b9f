import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { type Answer, type Operation, readContract } from './contract.ts'
import { placeParked, placeReject, post, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
const document = (await (await fetch(`${url}/docs/json`)).json()) as { openapi: string; components: object }
const contract = readContract(document)

t.test('every call is there under a name of its own, and says what it is for', async (t) => {
  const ids = contract.operations.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  t.same(ids.toSorted(), [
    'audit',
    'cancelJob',
    'cancelReindex',
    'countOrders',
    'createOrder',
    'createOrderBulk',
    'deleteOrder',
    'discardParked',
    'dropReindexed',
    'dryRunParked',
    'flushDirty',
    'getAccounting',
    'getHealth',
    'getJob',
    'getLiveness',
    'getMetrics',
    'getOrder',
    'getOrderBulk',
    'getOrderHistory',
    'getOrderStatus',
    'getParked',
    'getReadiness',
    'getReindex',
    'getSales',
    'listDirty',
    'listJobs',
    'listOrders',
    'listOrdersFilters',
    'listOrdersValues',
    'listParked',
    'listSearchRejects',
    'queryOrders',
    'refreshViews',
    'replayParked',
    'replayParkedGroup',
    'retrySearchReject',
    'retrySearchRejects',
    'rollbackReindex',
    'searchOrders',
    'startReindex',
    'updateOrder',
  ])
  for (const { id, tags } of contract.operations) t.equal(tags.length, 1, `${id} is under one heading`)
})

t.test('every error is a problem document, and every answer says its correlation id', async (t) => {
  for (const { id, responses } of contract.operations)
    for (const [status, { content = {}, headers, description }] of Object.entries(responses)) {
      t.not(description, 'Default Response', `${id} ${status} says what it means`)
      t.ok(headers['x-correlation-id'], `${id} ${status} has X-Correlation-Id`)
      if (Number(status) >= 400 && !(id.startsWith('get') && content['application/json']))
        t.same(Object.keys(content), ['application/problem+json'], `${id} ${status}`)
      if (status === '429' || (status === '503' && content['application/problem+json']))
        t.equal(headers['retry-after']?.required, true, `${id} ${status} has Retry-After`)
    }
})

t.test("the operator's calls ask for the token, and no others do", async (t) => {
  for (const { id, path, security, responses } of contract.operations) {
    const isAdmin = path.startsWith('/api/admin')
    t.same(security, isAdmin ? [{ admin: [] }] : undefined, id)
    t.equal(responses['401']?.headers['www-authenticate']?.required, isAdmin ? true : undefined, id)
  }
})

t.test('schemas stand once, under names, and none is copied into a call', async (t) => {
  t.match(document.components, {
    schemas: {
      Problem: {},
      Fault: {},
      Order: {},
      OrderInput: {},
      OrderPatch: {},
      OrderReceipt: {},
      OrderBulk: {},
      Job: {},
    },
  })
  for (const { id, responses, bodies } of contract.operations)
    for (const media of [...Object.values(responses).map(({ content = {} }) => content), bodies])
      for (const [type, { schema }] of Object.entries(media))
        if (type.endsWith('json')) t.same(Object.keys(schema), ['$ref'], `${id}: ${JSON.stringify(schema)}`)
})

t.test('every body and every JSON answer has examples, and each is what its schema asks for', async (t) => {
  let seen = 0
  for (const { id, responses, bodies } of contract.operations)
    for (const [what, content] of [
      ['the body', bodies],
      ...Object.entries(responses).map(([status, one]) => [status, one.content ?? {}]),
    ] as [string, Operation['bodies']][])
      for (const [type, { schema, examples = {} }] of Object.entries(content)) {
        if (!type.endsWith('json')) continue
        t.not(Object.keys(examples).length, 0, `${id}: ${what} has an example`)
        for (const { value } of Object.values(examples)) {
          seen += 1
          t.same(contract.faults(schema, value), [], `${id}: ${what}`)
        }
      }
  for (const { id, parameters } of contract.operations)
    for (const { name, schema, example } of parameters) {
      if (example === undefined) continue
      seen += 1
      t.same(contract.faults(schema, example), [], `${id}: ${name}`)
    }
  t.ok(seen > 100)
})

t.test('every example of a request is accepted, with an answer that the document allows', async (t) => {
  const order = await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'LANTERN', amount: 1 })
  const known = { orders: String(order.body['order_id']) }
  const parked = await placeParked(t, env, 5)
  await placeReject(t, env, known.orders)
  let sent = 0
  for (const operation of contract.operations)
    for (const [type, { examples = {} }] of Object.entries(operation.bodies))
      for (const { value } of Object.values(examples)) {
        const path = operation.path.replace('{id}', known.orders).replace('{n}', () => String(parked.pop()))
        const answer = await send(operation.method, `${url}${path}`, type, value)
        t.match(String(answer.status), /^20[012]$/, `${operation.id} ${type}: ${answer.text}`)
        t.same(contract.breaches(operation, answer), [], operation.id)
        sent += 1
      }
  const given = contract.operations.flatMap(({ bodies }) =>
    Object.values(bodies).flatMap(({ examples = {} }) => Object.keys(examples)),
  )
  t.equal(sent, given.length)
  t.ok(sent >= 16)
})

t.test('an answer that the document does not allow is told', async (t) => {
  const operation = contract.operations.find(({ id }) => id === 'getOrder')
  if (operation === undefined) throw new Error('getOrder is missing')
  const headers = { 'content-type': 'application/json', 'x-correlation-id': 'a', etag: '"1-a"', 'x-cache': 'HIT' }
  const breaches = (answer: Partial<Answer>) =>
    contract.breaches(operation, { status: 200, headers, text: '{}', ...answer }).join()
  t.match(breaches({}), 'required property')
  t.match(breaches({ status: 418 }), 'status 418')
  t.match(breaches({ headers: { ...headers, 'x-cache': 'NO' } }), 'x-cache: NO')
  t.match(breaches({ headers: { ...headers, 'x-other': 'a' } }), 'x-other is not documented')
  t.match(breaches({ headers: { 'content-type': 'text/html' } }), /etag is missing.*text\/html/)
  t.match(breaches({ text: '{' }), 'not JSON')
  t.match(breaches({ status: 304 }), 'a body is not documented')
})

async function send(method: string, to: string, type: string, value: unknown): Promise<Answer> {
  const response = await fetch(to, { method, headers: { 'content-type': type }, body: JSON.stringify(value) })
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
}
