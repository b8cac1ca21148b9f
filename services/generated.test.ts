import { environment } from '@ordermill/config'
import { newId } from '@ordermill/model'
import { corner, until } from '@ordermill/servers/testing'
import fc from 'fast-check'
import { Client } from 'pg'
import t from 'tap'
import { createClient } from './attempt.ts'
import { type Operation, readContract } from './contract.ts'
import { type Attempt, attemptsOf } from './generate.ts'
import { placeParked, startTestApi, startTestWorker } from './testing.ts'

const machine = environment()
const { env } = await corner(t, machine)
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
await until('search has an index', async () => (await fetch(`${url}/api/search?q=a`)).ok)
const waiting = await placeJobs(t, env['POSTGRES_DSN'] ?? '')
const parked = (await placeParked(t, env, 200)).map(String)
const contract = readContract((await (await fetch(`${url}/docs/json`)).json()) as object)

/** Operations on what no generated request brings about: a document that the engine does not take, an index that was swapped. */
const needMore = ['retrySearchReject', 'rollbackReindex', 'dropReindexed']

const requests = 5_000
/** Requests that are on their way at once. */
const together = 25
/** The same requests every time; GENERATED_SEED asks for others. */
const seed = Number(machine['GENERATED_SEED'] ?? 20_101_201)

t.test('of 5,000 generated requests none gets a 5xx, or an answer that the document does not allow', async (t) => {
  const client = createClient(contract, url, { job: waiting, parked })
  t.teardown(() => client.close())
  // Of refreshes only one runs at a time: they come less often.
  const all = contract.operations.map((operation) => ({
    weight: operation.id === 'refreshViews' ? 1 : 8,
    arbitrary: attemptsOf(contract, operation),
  }))
  const attempts = fc.sample(fc.oneof(...all), { seed, numRuns: requests }).values()
  const seen = new Map<Operation, number[]>(contract.operations.map((operation) => [operation, []]))
  const failures = new Map<string, string>()
  const send = async () => {
    for (const attempt of attempts) {
      const { answer, breaches } = await client.attempt(attempt)
      seen.get(attempt.operation)?.push(answer.status)
      for (const breach of breaches)
        failures.set(
          `${attempt.operation.id} ${answer.status}: ${breach}`,
          `${inWords(attempt)} gets ${answer.text.slice(0, 500)}`,
        )
    }
  }
  await Promise.all(Array.from({ length: together }, send))

  t.same(Object.fromEntries([...failures].slice(0, 20)), {}, `GENERATED_SEED=${seed} makes these requests`)
  t.equal([...seen.values()].flat().length, requests)
  for (const operation of contract.operations) {
    const statuses = [...new Set(seen.get(operation) ?? [])].toSorted()
    t.ok(
      needMore.includes(operation.id) || statuses.some((status) => status < 300),
      `${operation.id} succeeded: ${statuses}`,
    )
    const takesInput = operation.parameters.some(({ in: where }) => where !== 'header')
    if (takesInput)
      t.ok(
        statuses.some((status) => status >= 400),
        `${operation.id} refused: ${statuses}`,
      )
  }
})

/** Jobs that nobody starts today, so that there are some to cancel. */
async function placeJobs(test: { teardown(end: () => Promise<void>): void }, dsn: string): Promise<string[]> {
  const client = new Client(dsn)
  await client.connect()
  test.teardown(() => client.end())
  const ids = Array.from({ length: 20 }, newId)
  await client.query(
    `INSERT INTO jobs (id, kind, arguments, run_after)
      SELECT id, 'waits-' || id, '{}', now() + interval '1 day' FROM unnest($1::uuid[]) AS id`,
    [ids],
  )
  return ids
}

function inWords({ operation, body, ...rest }: Attempt): string {
  const text = body === undefined ? 'none' : `${body.type} ${Buffer.from(body.bytes).toString().slice(0, 1_000)}`
  return `${operation.method} ${operation.path} ${JSON.stringify(rest)} body: ${text}`
}
