import { breakerStates, toError } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Dependency, State } from '../parts.ts'
import { answer, named, responses } from '../schemas.ts'

export interface HealthParts {
  /** Able to accept: undefined, or why not. */
  notReady(): string | undefined
  dependencies: Dependency[]
}

/** Longest a dependency may take to say how it is. */
const patience_ms = 2_000
const part = Type.Object({
  name: Type.String(),
  status: Type.Enum(['ok', 'degraded', 'away']),
  detail: Type.String({ description: 'Of the search engine: the status of its cluster, green, yellow or red.' }),
  breaker: Type.Optional(
    Type.Enum([...breakerStates], {
      description: 'open: it has just failed, and nobody asks it; half-open: one call tries it.',
    }),
  ),
  latency_ms: Type.Optional(Type.Number({ minimum: 0 })),
})
const state = named(
  'Health',
  Type.Object({
    status: Type.Enum(['ok', 'degraded', 'not ready'], {
      description: 'degraded: it accepts, and a part is away or less than well.',
    }),
    reason: Type.Optional(Type.String({ description: 'Why it is not ready.' })),
    dependencies: Type.Optional(Type.Array(named('Dependency', part))),
  }),
  { examples: [{ status: 'ok' }] },
)

/** Health: of the process, whether it may be sent requests, and of each part it depends on. */
export function healthRoutes(app: FastifyInstance, { notReady, dependencies }: HealthParts): void {
  const document = (operationId: string, summary: string) => ({
    operationId,
    summary,
    tags: ['health'],
    response: responses({ 200: answer('Yes', state), 503: answer('No', state) }),
  })

  app.get('/health/live', { schema: document('getLiveness', 'Whether the process runs') }, async () => ({
    status: 'ok',
  }))

  app.get(
    '/health/ready',
    { schema: document('getReadiness', 'Whether it is able to accept') },
    async (_request, reply) => {
      const reason = notReady()
      return reason === undefined ? { status: 'ok' } : reply.code(503).send({ status: 'not ready', reason })
    },
  )

  app.get(
    '/health',
    { schema: document('getHealth', 'Whether it is able to accept, and how each part is') },
    async (_request, reply) => {
      const parts = await Promise.all(dependencies.map(inspect))
      const ready = notReady()
      const status =
        ready === undefined ? (parts.every(({ status }) => status === 'ok') ? 'ok' : 'degraded') : 'not ready'
      return reply.code(ready === undefined ? 200 : 503).send({ status, dependencies: parts })
    },
  )
}

/** What a cluster of the search engine says of itself; red: some of the index cannot be searched. */
export const engineState = (status: string): State => ({ detail: status, degraded: status === 'red' })

async function inspect({ name, check, breaker }: Dependency) {
  return { ...(await stateOf(name, check)), ...(breaker === undefined ? {} : { breaker: breaker() }) }
}

async function stateOf(name: string, check: () => Promise<State>) {
  const started = performance.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), patience_ms)
  })
  try {
    const { detail, degraded = false } = await Promise.race([check(), late])
    const status = degraded ? 'degraded' : 'ok'
    return { name, status, detail, latency_ms: Math.round((performance.now() - started) * 10) / 10 }
  } catch (thrown) {
    return {
      name,
      status: 'away',
      detail: 'code' in toError(thrown) ? String((thrown as { code: unknown }).code) : 'away',
    }
  } finally {
    clearTimeout(timer)
  }
}
