import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { closedLoad } from './closed.ts'

t.test('an answer of another engine than the one that is measured is counted as failed', async (t) => {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    const engine = asked % 4 === 0 ? 'postgres' : 'elasticsearch'
    response.writeHead(200, { 'x-search-engine': engine, 'content-length': 2 }).end('{}')
  })
  t.teardown(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const job = {
    kind: 'closed' as const,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: { kind: 'plain' as const, requests: [{ path: '/' }] },
    connections: 1,
    seconds: 0.1,
    least: 40,
  }
  const { count, failed, statuses } = await closedLoad(
    { ...job, header: 'x-search-engine: elasticsearch' },
    { count: 0 },
  )
  t.ok(count >= 40 && Math.abs(failed - count / 3) <= 1, JSON.stringify({ count, failed }))
  t.same(statuses, { 200: failed })
  t.equal((await closedLoad(job, { count: 0 })).failed, 0, 'nothing is asked of the headers')
})
